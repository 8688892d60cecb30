/* Calls that copy very much: others have their turn meanwhile. */
#define _GNU_SOURCE
#include "turns.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

int main(void)
{
    size_t size = 32 << 20, much = 256 << 20;
    alarm(100);
    setvbuf(stdout, NULL, _IONBF, 0);
    start_caller();
    char *memory = mmap(NULL, 2 * much, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int self = open("/proc/self/mem", O_RDWR);
    DURING("getrandom", syscall(SYS_getrandom, memory, size, 0) == (long)size ? 0 : -1);
    DURING("read", pread(self, memory + much, much, (long)memory) == (long)much ? 0 : -1);
    struct iovec to[6], from[6];
    for (int i = 0; i < 6; i++) {
        to[i] = (struct iovec){memory + much, much};
        from[i] = (struct iovec){memory, much};
    }
    DURING("process_vm_readv", process_vm_readv(getpid(), to, 6, from, 6, 0) == 6 * (long)much ? 0 : -1);
    kill(caller, SIGKILL);
    return 0;
}

/* A child has four terabytes made present by one call, until it is killed for it: how much it got. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    size_t size = 1ul << 42;
    alarm(60);
    pid_t child = fork();
    if (!child) {
        char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED || mlock(memory, size))
            perror("mlock");
        return 1;
    }
    struct rusage used;
    int status = 0;
    wait4(child, &status, 0, &used);
    printf("%s, with %s\n", WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? "killed" : "not killed",
           used.ru_maxrss < 768 << 10 ? "little" : "much");
    return 0;
}

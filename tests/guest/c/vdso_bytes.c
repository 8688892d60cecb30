#include "t.h"
#include <elf.h>
#include <sys/auxv.h>
#include <sys/uio.h>

/* The vDSO's bytes as input of calls: the dynamic linker prints the names that are in there with writev(2). */
int main(void) {
    char *vdso = (char *)getauxval(AT_SYSINFO_EHDR);
    if (!vdso) return 0;
    int fd = MUST(open("f", O_CREAT | O_RDWR, 0600));
    struct iovec v[3] = {{"<", 1}, {vdso + 1, 3}, {">", 1}};
    SHOW(writev(fd, v, 3));
    SHOW(write(fd, vdso + 1, 3));
    SHOW(pwritev(fd, v, 3, 10));
    struct iovec in[2] = {{vdso, 3}, {(char *)8, 1}};
    SHOW(preadv(fd, in, 1, 0));
    v[1].iov_base = (void *)0x7ffffffff000;
    SHOW(writev(fd, v, 3));
    v[1].iov_base = (void *)0x7fffffffeff8;
    v[1].iov_len = 9;
    SHOW(writev(fd, v, 3));
    fflush(stdout);
    system("ldd /bin/true | sed 's/(.*//'; LD_TRACE_LOADED_OBJECTS=1 /bin/true | grep -c vdso");
    return 0;
}

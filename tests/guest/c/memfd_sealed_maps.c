/* What of a memfd sealed against writes can still be mapped, and what becomes of a mapping. */
#include "t.h"
#include <sys/mman.h>
static void one(unsigned mflags, int seals, int prot, int again) {
    int fd = MUST(memfd_create("m", mflags | MFD_ALLOW_SEALING));
    ftruncate(fd, 8192);
    printf("-- %x %x %x\n", mflags, seals, prot);
    SHOW(fcntl(fd, F_ADD_SEALS, seals));
    char *p = mmap(NULL, 8192, prot, MAP_SHARED, fd, 0);
    printf("%s\n", p == MAP_FAILED ? ename(errno) : "mapped");
    if (p != MAP_FAILED) { SHOW(mprotect(p, 8192, PROT_READ | PROT_WRITE)); SHOW(mprotect(p, 8192, again)); SHOW(munmap(p, 8192)); }
    SHOW(fcntl(fd, F_GET_SEALS));
    close(fd);
}
int main(void) {
    for (int s = 0; s < 4; s++) for (int prot = 0; prot < 8; prot++)
        one(s & 1 ? 8 : 0, s & 2 ? F_SEAL_WRITE : F_SEAL_FUTURE_WRITE, prot, PROT_READ);
    int fd = memfd_create("m", MFD_ALLOW_SEALING); ftruncate(fd, 4096);
    char *p = mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0);
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)); SHOW(mprotect(p, 4096, 3)); SHOW(munmap(p, 4096)); SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    return 0;
}

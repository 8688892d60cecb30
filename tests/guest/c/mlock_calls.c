#include "t.h"

int main(void) {
    char *m = MUST((char *)mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    unsigned char in[4];
    MUST(setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){65536, 65536}));
    SHOW(mlock(m, 4096));
    SHOW(mincore(m, 4096, in));
    VAL(in[0] & 1);
    SHOW(mlock(m + 100, 4096));
    SHOW(mlock(m, 0));
    SHOW(munlock(m, 4096 * 4));
    SHOW(mlock2(m, 8192, MLOCK_ONFAULT));
    SHOW(mlock2(m, 8192, 2));
    SHOW(mlock(BAD, 4096));
    SHOW(munlock(BAD, 4096));
    SHOW(mlockall(0));
    SHOW(mlockall(8));
    SHOW(mlockall(MCL_ONFAULT));
    SHOW(munlockall());
    munmap(m + 4096, 4096);
    SHOW(mlock(m, 3 * 4096));
    SHOW(mprotect(m, 4096, PROT_NONE));
    SHOW(mlock(m, 4096));
    SHOW(munlock(m, 4096));
    pid_t p = MUST(fork());
    if (!p) {
        MUST(setuid(1000));
        char *big = mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        SHOW(mlock(big, 1 << 20));
        SHOW(mlock(big, 4096));
        SHOW(mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0));
        SHOW(mlockall(MCL_CURRENT));
        MUST(setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){0, 0}));
        SHOW(mlock(big, 4096));
        SHOW(mlockall(MCL_FUTURE));
        _exit(0);
    }
    reap(p);
    return 0;
}

#include "t.h"

int main(void) {
    char *start = sbrk(0);
    VAL((long)syscall(SYS_brk, 0) == (long)start);
    char *p = MUST(sbrk(10000));
    VAL(p == start);
    p[9999] = 7;
    VAL(p[0]);
    MUST(sbrk(-10000));
    VAL(sbrk(0) == start);
    VAL(syscall(SYS_brk, start + 4096 * 10) == (long)(start + 4096 * 10));
    start[4096 * 9] = 1;
    VAL(syscall(SYS_brk, 1) == (long)(start + 4096 * 10));
    VAL(syscall(SYS_brk, 1UL << 47) == (long)(start + 4096 * 10));
    VAL(syscall(SYS_brk, start) == (long)start);
    VAL(syscall(SYS_brk, start + 4096 * 10) == (long)(start + 4096 * 10));
    VAL(start[4096 * 9]);
    struct rlimit r = {1 << 20, 1 << 20};
    MUST(setrlimit(RLIMIT_DATA, &r));
    VAL(syscall(SYS_brk, start + (8 << 20)) == (long)(start + 4096 * 10));
    SHOW((long)sbrk(8 << 20));
    return 0;
}

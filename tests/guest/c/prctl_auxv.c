/* PR_GET_AUXV and PR_SET_TSC. */
#include "t.h"

int main(void) {
    unsigned long v[200] = {0}, w[200] = {0}, *p;
    long n = syscall(SYS_prctl, 0x41555856, v, sizeof v, 0, 0);
    printf("%d %d\n", n > 300 && n % 16 == 0, n < sizeof v);
    for (p = v; *p; p += 2)
        if (*p == AT_PAGESZ || *p == AT_PHENT || *p == AT_UID || *p == AT_RANDOM || *p == AT_ENTRY)
            printf("%ld %d\n", *p, p[1] == getauxval(*p));
    int fd = MUST(open("/proc/self/auxv", O_RDONLY));
    int m = read(fd, w, sizeof w);
    printf("as in /proc %d\n", !memcmp(v, w, m));
    memset(v, 7, sizeof v);
    printf("%d %d\n", syscall(SYS_prctl, 0x41555856, v, 24, 0, 0) == n, v[2] == w[2] && v[3] == 0x0707070707070707);
    SHOW(syscall(SYS_prctl, 0x41555856, BAD, 100, 0, 0)), SHOW(syscall(SYS_prctl, 0x41555856, v, 8, 1, 0));
    SHOW(syscall(SYS_prctl, 0x41555856, v, 8, 0, 1)), VAL(syscall(SYS_prctl, 0x41555856, BAD, 0, 0, 0) == n);
    int tsc = 0;
    SHOW(prctl(PR_GET_TSC, &tsc)), VAL(tsc), SHOW(prctl(PR_SET_TSC, PR_TSC_ENABLE)), SHOW(prctl(PR_SET_TSC, 0)), SHOW(prctl(PR_SET_TSC, 3));
    return 0;
}

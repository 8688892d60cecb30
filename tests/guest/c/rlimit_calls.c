#include "t.h"
static void big(int s) { printf("signal %d\n", s); }

int main(void) {
    struct rlimit r, o;
    SHOW(prlimit(0, RLIMIT_NOFILE, NULL, &o));
    r = (struct rlimit){20, 30};
    SHOW(prlimit(0, RLIMIT_NOFILE, &r, &o));
    SHOW(prlimit(getpid(), RLIMIT_NOFILE, NULL, &o));
    printf("%ld %ld\n", o.rlim_cur, o.rlim_max);
    r = (struct rlimit){31, 30};
    SHOW(setrlimit(RLIMIT_NOFILE, &r));
    SHOW(getrlimit(99, &r));
    SHOW(setrlimit(99, &o));
    SHOW(syscall(SYS_getrlimit, RLIMIT_CORE, BAD));
    SHOW(syscall(SYS_setrlimit, RLIMIT_CORE, BAD));
    SHOW(prlimit(99999999, RLIMIT_CORE, NULL, &o));
    int last = 0, n;
    while ((n = dup(1)) >= 0) last = n;
    printf("%d %s\n", last, ename(errno));
    closefrom(3);
    handle(SIGXFSZ, big, 0);
    r = (struct rlimit){100000, RLIM_INFINITY}; /* above what is printed */
    SHOW(setrlimit(RLIMIT_FSIZE, &r));
    int f = MUST(open("f", O_RDWR | O_CREAT, 0644));
    SHOW(lseek(f, 99990, SEEK_SET));
    SHOW(write(f, "0123456789abc", 13));
    SHOW(write(f, "x", 1));
    SHOW(ftruncate(f, 100001));
    SHOW(ftruncate(f, 100000));
    SHOW(pwrite(f, "x", 1, 100000));
    SHOW(pwrite(f, "xy", 2, 99999));
    signal(SIGXFSZ, SIG_IGN);
    SHOW(write(f, "x", 1));
    pid_t p = MUST(fork());
    if (!p) {
        getrlimit(RLIMIT_FSIZE, &o);
        VAL(o.rlim_cur);
        MUST(setuid(1000));
        r = (struct rlimit){20, 31};
        SHOW(setrlimit(RLIMIT_NOFILE, &r));
        r = (struct rlimit){20, 25};
        SHOW(setrlimit(RLIMIT_NOFILE, &r));
        SHOW(prlimit(getppid(), RLIMIT_NOFILE, NULL, &o));
        _exit(0);
    }
    reap(p);
    return 0;
}

#include "t.h"
#include <sys/timex.h>

int main(void) {
    struct timex x = {0};
    VAL(syscall(SYS_adjtimex, &x) >= 0);
    VAL(x.tick);
    VAL(x.time.tv_sec > 1600000000);
    VAL(x.precision);
    SHOW(syscall(SYS_adjtimex, BAD));
    memset(&x, 0, sizeof x);
    VAL(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &x) >= 0);
    VAL(x.tick);
    SHOW(syscall(SYS_clock_adjtime, CLOCK_REALTIME, BAD));
    SHOW(syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, &x));
    SHOW(syscall(SYS_clock_adjtime, 99, &x));
    pid_t p = MUST(fork());
    if (!p) {
        MUST(setuid(1000));
        memset(&x, 0, sizeof x);
        VAL(syscall(SYS_adjtimex, &x) >= 0);
        x.modes = ADJ_FREQUENCY;
        SHOW(syscall(SYS_adjtimex, &x));
        x.modes = ADJ_OFFSET_SS_READ;
        VAL(syscall(SYS_adjtimex, &x) >= 0);
        x.modes = ADJ_TICK;
        SHOW(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &x));
        _exit(0);
    }
    reap(p);
    return 0;
}

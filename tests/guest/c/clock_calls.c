#include "t.h"

int main(void) {
    struct timespec t, u;
    clockid_t all[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID,
                       CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_TAI};
    for (int i = 0; i < 9; i++) {
        SHOW(syscall(SYS_clock_gettime, all[i], &t));
        SHOW(syscall(SYS_clock_gettime, all[i], &u));
        VAL(u.tv_sec > t.tv_sec || (u.tv_sec == t.tv_sec && u.tv_nsec >= t.tv_nsec));
        SHOW(syscall(SYS_clock_getres, all[i], &t));
        VAL(t.tv_nsec > 0 && t.tv_nsec <= 10000000);
    }
    SHOW(syscall(SYS_clock_gettime, 50, &t));
    SHOW(syscall(SYS_clock_gettime, -1, &t));
    SHOW(syscall(SYS_clock_getres, 50, &t));
    SHOW(syscall(SYS_clock_getres, CLOCK_MONOTONIC, NULL));
    SHOW(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, BAD));
    SHOW(syscall(SYS_gettimeofday, BAD, NULL));
    SHOW(syscall(SYS_gettimeofday, NULL, NULL));
    struct timezone z = {1, 1};
    SHOW(syscall(SYS_gettimeofday, NULL, &z));
    VAL(syscall(SYS_time, NULL) > 1600000000);
    SHOW(syscall(SYS_time, BAD));
    SHOW(syscall(SYS_clock_settime, CLOCK_MONOTONIC, &t));
    SHOW(syscall(SYS_clock_settime, 50, &t));
    clockid_t mine;
    SHOW(clock_getcpuclockid(0, &mine));
    SHOW(clock_gettime(mine, &t));
    SHOW(clock_getcpuclockid(99999999, &mine));
    SHOW(syscall(SYS_times, BAD));
    return 0;
}

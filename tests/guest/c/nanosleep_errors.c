#include "t.h"
static void nothing(int s) {}

int main(void) {
    struct timespec t = {0, 1000000000}, left;
    SHOW(nanosleep(&t, NULL));
    t = (struct timespec){-1, 0};
    SHOW(nanosleep(&t, NULL));
    t = (struct timespec){0, -1};
    SHOW(nanosleep(&t, NULL));
    SHOW(syscall(SYS_nanosleep, BAD, NULL));
    t = (struct timespec){0, 0};
    SHOW(nanosleep(&t, BAD));
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL));
    SHOW(clock_nanosleep(50, 0, &t, NULL));
    SHOW(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &t, NULL));
    SHOW(clock_nanosleep(CLOCK_MONOTONIC_RAW, 0, &t, NULL));
    SHOW(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL));
    SHOW(clock_nanosleep(CLOCK_BOOTTIME, 0, &t, NULL));
    SHOW(clock_nanosleep(CLOCK_TAI, TIMER_ABSTIME, &t, NULL));
    clock_gettime(CLOCK_MONOTONIC, &t);
    long began = now_ms();
    t.tv_nsec += 30 * MS;
    if (t.tv_nsec >= 1000000000) t.tv_sec++, t.tv_nsec -= 1000000000;
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL));
    VAL(now_ms() - began >= 29);
    handle(SIGALRM, nothing, 0);
    struct itimerval v = {{0, 0}, {0, 20000}};
    setitimer(ITIMER_REAL, &v, NULL);
    t = (struct timespec){3, 0};
    left = (struct timespec){99, 99};
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &left));
    VAL(left.tv_sec);
    setitimer(ITIMER_REAL, &v, NULL);
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += 3;
    left = (struct timespec){99, 99};
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, &left));
    VAL(left.tv_sec);
    setitimer(ITIMER_REAL, &v, NULL);
    t = (struct timespec){3, 0};
    SHOW(nanosleep(&t, BAD));
    return 0;
}

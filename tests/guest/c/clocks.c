#include "t.h"

int main(void) {
    struct timespec a, b, r;
    int ids[] = {0, 1, 2, 3, 4, 5, 6, 7, 11};
    for (int i = 0; i < 9; i++) {
        int e1 = clock_gettime(ids[i], &a), e2 = clock_getres(ids[i], &r);
        printf("clock %d: %d %d res %ld\n", ids[i], e1, e2, r.tv_nsec > 1000000 ? -1 : r.tv_nsec > 1 ? 2 : r.tv_nsec);
    }
    SHOW(clock_gettime(99, &a));
    SHOW(syscall(SYS_clock_gettime, 99, &a));
    SHOW(syscall(SYS_clock_gettime, 1, BAD));
    SHOW(clock_getres(99, &a));
    SHOW(clock_getres(1, NULL));
    syscall(SYS_clock_gettime, 1, &a), clock_gettime(1, &b);
    VAL(b.tv_sec * 1000000000 + b.tv_nsec >= a.tv_sec * 1000000000 + a.tv_nsec);
    long t = now_ms();
    struct timespec s = {0, 25 * MS};
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, 0, &s, NULL));
    VAL(now_ms() - t >= 25);
    clock_gettime(CLOCK_MONOTONIC, &s);
    s.tv_nsec += 20 * MS;
    if (s.tv_nsec >= 1000000000) s.tv_nsec -= 1000000000, s.tv_sec++;
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &s, NULL));
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &s, NULL));
    s.tv_nsec = 1000000000;
    SHOW(nanosleep(&s, NULL));
    s = (struct timespec){-1, 0};
    SHOW(nanosleep(&s, NULL));
    SHOW(nanosleep(BAD, NULL));
    SHOW(clock_nanosleep(99, 0, &a, NULL));
    SHOW(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &a, NULL));
    VAL(time(NULL) > 1700000000);
    struct timeval v;
    SHOW(gettimeofday(&v, NULL));
    SHOW(syscall(SYS_gettimeofday, BAD, NULL));
    VAL(syscall(SYS_time, NULL) - time(NULL) <= 1);
    struct tms m;
    VAL(times(&m) != -1);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
    for (volatile int i = 0; i < 10000000; i++);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
    VAL(b.tv_sec * 1000000000 + b.tv_nsec > a.tv_sec * 1000000000 + a.tv_nsec);
    SHOW(clock_settime(99, &a));
    return 0;
}

#include "t.h"

int main(void) {
    uint64_t v = 0;
    int t = MUST(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
    struct itimerspec s = {{0, 10 * MS}, {0, 10 * MS}}, o;
    SHOW(read(t, &v, 8));
    SHOW(timerfd_settime(t, 0, &s, &o));
    VAL(o.it_value.tv_nsec);
    struct pollfd f = {t, POLLIN};
    SHOW(poll(&f, 1, 1000));
    SHOW(read(t, &v, 8));
    VAL(v >= 1);
    SHOW(read(t, &v, 4));
    nap(50);
    SHOW(read(t, &v, 8));
    VAL(v >= 4 && v < 40);
    SHOW(timerfd_gettime(t, &o));
    VAL(o.it_interval.tv_nsec);
    memset(&s, 0, sizeof s);
    SHOW(timerfd_settime(t, 0, &s, NULL));
    SHOW(poll(&f, 1, 20));
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    s.it_value = now;
    SHOW(timerfd_settime(t, TFD_TIMER_ABSTIME, &s, NULL));
    SHOW(poll(&f, 1, 100));
    SHOW(read(t, &v, 8));
    VAL(v);
    SHOW(timerfd_settime(t, 64, &s, NULL));
    s.it_value.tv_nsec = 1000000000;
    SHOW(timerfd_settime(t, 0, &s, NULL));
    SHOW(timerfd_settime(99, 0, &s, NULL));
    SHOW(timerfd_settime(0, 0, &(struct itimerspec){0}, NULL));
    SHOW(timerfd_gettime(0, &o));
    SHOW(timerfd_create(99, 0));
    SHOW(timerfd_create(CLOCK_REALTIME, 0x40));
    SHOW(timerfd_settime(t, 0, BAD, NULL));
    int b = MUST(timerfd_create(CLOCK_REALTIME, 0));
    s = (struct itimerspec){{0, 0}, {0, 20 * MS}};
    timerfd_settime(b, 0, &s, NULL);
    SHOW(read(b, &v, 8));
    VAL(v);
    SHOW(write(b, &v, 8));
    return 0;
}

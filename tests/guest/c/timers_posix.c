#include "t.h"

static volatile int hits, value, code;
static void on(int s, siginfo_t *i, void *u) { hits++, value = i->si_value.sival_int, code = i->si_code; }
int main(void) {
    struct sigaction a = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &a, NULL);
    timer_t t, u;
    struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 77};
    SHOW(timer_create(CLOCK_MONOTONIC, &e, &t));
    struct itimerspec s = {{0, 0}, {0, 20 * MS}}, o;
    SHOW(timer_settime(t, 0, &s, NULL));
    SHOW(timer_gettime(t, &o));
    VAL(o.it_value.tv_nsec > 0);
    SHOW(pause());
    printf("%d value %d code %d\n", hits, value, code);
    SHOW(timer_getoverrun(t));
    sigset_t m;
    sigemptyset(&m), sigaddset(&m, SIGUSR1), sigprocmask(SIG_BLOCK, &m, NULL);
    s.it_interval.tv_nsec = 2 * MS, s.it_value.tv_nsec = 2 * MS;
    timer_settime(t, 0, &s, NULL);
    nap(50);
    memset(&s, 0, sizeof s);
    hits = 0;
    /* Taken while it stays blocked: no second one can be delivered before the overrun is asked for. */
    siginfo_t taken;
    SHOW(sigwaitinfo(&m, &taken) == SIGUSR1);
    VAL(taken.si_overrun > 10);
    VAL(timer_getoverrun(t) == taken.si_overrun);
    nap(5);
    sigprocmask(SIG_UNBLOCK, &m, NULL);
    VAL(hits >= 1);
    timer_settime(t, 0, &s, NULL);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    hits = 0;
    SHOW(timer_create(CLOCK_REALTIME, NULL, &u));
    SHOW(timer_delete(u));
    SHOW(syscall(SYS_timer_delete, 555));
    SHOW(syscall(SYS_timer_settime, 555, 0, &s, NULL));
    SHOW(syscall(SYS_timer_create, 99, NULL, &u));
    SHOW(syscall(SYS_timer_create, CLOCK_REALTIME, NULL, BAD));
    e.sigev_signo = 99;
    SHOW(timer_create(CLOCK_REALTIME, &e, &u));
    e.sigev_notify = SIGEV_NONE;
    SHOW(timer_create(CLOCK_REALTIME, &e, &u));
    s.it_value.tv_sec = now.tv_sec - 5;
    SHOW(timer_settime(u, TIMER_ABSTIME, &s, NULL));
    SHOW(timer_gettime(u, &o));
    printf("%ld %ld\n", o.it_value.tv_sec, o.it_value.tv_nsec);
    s.it_value.tv_nsec = -1;
    SHOW(timer_settime(t, 0, &s, NULL));
    if (fork() == 0) {
        SHOW(timer_gettime(t, &o));
        _exit(0);
    }
    wait(NULL);
    return 0;
}

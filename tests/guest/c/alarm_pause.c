#include "t.h"
static volatile int hits;
static void hit(int s) { hits++; }

int main(void) {
    struct itimerval v, o;
    handle(SIGALRM, hit, SA_RESTART);
    SHOW(alarm(100));
    SHOW(alarm(50));
    SHOW(getitimer(ITIMER_REAL, &v));
    VAL(v.it_value.tv_sec >= 49 && v.it_value.tv_sec <= 50);
    VAL(v.it_interval.tv_sec);
    SHOW(alarm(0));
    SHOW(alarm(0));
    v = (struct itimerval){{0, 0}, {0, 30000}};
    SHOW(setitimer(ITIMER_REAL, &v, &o));
    VAL(o.it_value.tv_sec + o.it_value.tv_usec);
    SHOW(pause());
    VAL(hits);
    v.it_value.tv_usec = 1000000;
    SHOW(setitimer(ITIMER_REAL, &v, NULL));
    v.it_value.tv_usec = -1;
    SHOW(setitimer(ITIMER_REAL, &v, NULL));
    SHOW(setitimer(9, &o, NULL));
    SHOW(getitimer(9, &o));
    SHOW(getitimer(ITIMER_REAL, BAD));
    SHOW(syscall(SYS_setitimer, ITIMER_REAL, BAD, NULL));
    pid_t p = MUST(fork());
    if (!p) {
        signal(SIGALRM, SIG_DFL);
        v = (struct itimerval){{0, 0}, {0, 10000}};
        setitimer(ITIMER_REAL, &v, NULL);
        pause();
    }
    reap(p);
    alarm(60);
    p = MUST(fork());
    if (!p) {
        SHOW(alarm(0)); /* no alarm is inherited */
        _exit(0);
    }
    reap(p);
    VAL(alarm(0) > 50);
    return 0;
}

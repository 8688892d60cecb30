#include "t.h"

static volatile int hits;
static void on(int s) { hits++; }
int main(void) {
    handle(SIGALRM, on, 0);
    struct itimerval t = {{0, 0}, {0, 30000}}, o;
    SHOW(setitimer(ITIMER_REAL, &t, NULL));
    SHOW(getitimer(ITIMER_REAL, &o));
    VAL(o.it_value.tv_usec > 0 && o.it_value.tv_usec <= 30000);
    SHOW(pause());
    VAL(hits);
    SHOW(getitimer(ITIMER_REAL, &o));
    VAL(o.it_value.tv_usec);
    t.it_interval.tv_usec = 5000;
    setitimer(ITIMER_REAL, &t, NULL);
    while (hits < 5) pause();
    memset(&t, 0, sizeof t);
    SHOW(setitimer(ITIMER_REAL, &t, &o));
    VAL(o.it_interval.tv_usec);
    t.it_value.tv_usec = 1000000;
    SHOW(setitimer(ITIMER_REAL, &t, NULL));
    SHOW(setitimer(9, &t, NULL));
    SHOW(setitimer(ITIMER_REAL, BAD, NULL));
    SHOW(getitimer(9, &o));
    SHOW(getitimer(ITIMER_REAL, BAD));
    VAL(alarm(100));
    VAL(alarm(50) >= 99);
    if (fork() == 0) {
        VAL(alarm(0));
        _exit(0);
    }
    wait(NULL);
    VAL(alarm(0) >= 49);
    handle(SIGVTALRM, on, 0);
    hits = 0;
    t = (struct itimerval){{0, 0}, {0, 20000}};
    SHOW(setitimer(ITIMER_VIRTUAL, &t, NULL));
    while (!hits);
    VAL(hits);
    handle(SIGPROF, on, 0);
    SHOW(setitimer(ITIMER_PROF, &t, NULL));
    while (hits < 2);
    VAL(hits);
    return 0;
}

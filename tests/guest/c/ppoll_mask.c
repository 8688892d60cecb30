#include "t.h"

static volatile int hit;
static void on(int s) { hit = 1; }
int main(void) {
    sigset_t block, none;
    sigemptyset(&block), sigemptyset(&none), sigaddset(&block, SIGUSR1);
    sigprocmask(SIG_BLOCK, &block, NULL);
    handle(SIGUSR1, on, 0);
    raise(SIGUSR1);
    struct timespec t = {1, 0}, zero = {0, 0};
    int p[2];
    MUST(pipe(p));
    write(p[1], "x", 1);
    struct pollfd f = {p[0], POLLIN};
    SHOW(ppoll(&f, 1, &t, &none));
    VAL(hit);
    SHOW(ppoll(NULL, 0, &t, &none));
    VAL(hit);
    hit = 0;
    raise(SIGUSR1);
    SHOW(pselect(0, NULL, NULL, NULL, &t, &none));
    VAL(hit);
    sigset_t now;
    sigprocmask(0, NULL, &now);
    VAL(sigismember(&now, SIGUSR1));
    hit = 0;
    raise(SIGUSR1);
    int e = epoll_create1(0);
    struct epoll_event ev;
    SHOW(epoll_pwait(e, &ev, 1, 1000, &none));
    VAL(hit);
    SHOW(epoll_pwait2(e, &ev, 1, &(struct timespec){0, 10 * MS}, &none));
    return 0;
}

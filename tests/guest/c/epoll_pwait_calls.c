#include "t.h"
static volatile int hits;
static void hit(int s) { hits++; }

int main(void) {
    struct epoll_event e = {EPOLLIN, {.u32 = 7}}, got[4];
    sigset_t block, empty;
    int fds[2], ep = OK((int)syscall(SYS_epoll_create, 1));
    SHOW(syscall(SYS_epoll_create, 0));
    SHOW(epoll_create1(1));
    VAL(fcntl(ep, F_GETFD));
    MUST(pipe(fds));
    MUST(epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], &e));
    sigemptyset(&empty);
    sigemptyset(&block);
    sigaddset(&block, SIGUSR1);
    handle(SIGUSR1, hit, SA_RESTART);
    sigprocmask(SIG_BLOCK, &block, NULL);
    raise(SIGUSR1);
    SHOW(epoll_pwait(ep, got, 4, 10, &block));
    VAL(hits);
    SHOW(epoll_pwait(ep, got, 4, 1000, &empty));
    VAL(hits);
    SHOW(epoll_pwait(ep, got, 4, 0, NULL));
    struct timespec t = {0, 10 * MS}, bad = {0, -1};
    SHOW(syscall(SYS_epoll_pwait2, ep, got, 4, &t, NULL, 8));
    SHOW(syscall(SYS_epoll_pwait2, ep, got, 4, &bad, NULL, 8));
    SHOW(syscall(SYS_epoll_pwait2, ep, got, 4, BAD, NULL, 8));
    SHOW(syscall(SYS_epoll_pwait, ep, got, 4, 0, &empty, 7));
    write(fds[1], "x", 1);
    SHOW(syscall(SYS_epoll_pwait2, ep, got, 4, NULL, NULL, 8));
    printf("%x %u\n", got[0].events, got[0].data.u32);
    SHOW(epoll_wait(ep, got, 0, 0));
    SHOW(epoll_wait(ep, got, -1, 0));
    SHOW(epoll_wait(ep, BAD, 4, 0));
    SHOW(epoll_wait(99, got, 4, 0));
    SHOW(epoll_wait(fds[0], got, 4, 0));
    SHOW(epoll_ctl(ep, 9, fds[0], &e));
    SHOW(epoll_ctl(ep, EPOLL_CTL_MOD, fds[1], &e));
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, open(".", O_RDONLY), &e));
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &e));
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, fds[1], BAD));
    e.events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT;
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, fds[1], &e));
    return 0;
}

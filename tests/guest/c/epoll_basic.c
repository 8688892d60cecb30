#include "t.h"

int main(void) {
    int p[2], e = MUST(epoll_create1(EPOLL_CLOEXEC)), n;
    struct epoll_event v[8], in = {EPOLLIN, {.u64 = 0x1122334455667788}};
    MUST(pipe(p));
    SHOW(epoll_create(0));
    SHOW(epoll_create1(77));
    SHOW(epoll_ctl(e, EPOLL_CTL_ADD, p[0], &in));
    SHOW(epoll_ctl(e, EPOLL_CTL_ADD, p[0], &in));
    SHOW(epoll_ctl(e, EPOLL_CTL_MOD, p[1], &in));
    SHOW(epoll_ctl(e, EPOLL_CTL_DEL, p[1], &in));
    SHOW(epoll_ctl(e, 9, p[1], &in));
    SHOW(epoll_ctl(e, EPOLL_CTL_ADD, e, &in));
    SHOW(epoll_ctl(e, EPOLL_CTL_ADD, 99, &in));
    SHOW(epoll_ctl(p[0], EPOLL_CTL_ADD, p[1], &in));
    SHOW(epoll_ctl(99, EPOLL_CTL_ADD, p[1], &in));
    SHOW(epoll_ctl(e, EPOLL_CTL_ADD, p[1], BAD));
    put("f", "");
    int fd = open("f", O_RDONLY), d = open(".", O_RDONLY);
    SHOW(epoll_ctl(e, EPOLL_CTL_ADD, fd, &in));
    SHOW(epoll_ctl(e, EPOLL_CTL_ADD, d, &in));
    SHOW(epoll_wait(e, v, 8, 0));
    SHOW(epoll_wait(e, v, 0, 0));
    SHOW(epoll_wait(e, v, -1, 0));
    SHOW(epoll_wait(p[0], v, 8, 0));
    SHOW(epoll_wait(99, v, 8, 0));
    write(p[1], "xy", 2);
    SHOW(epoll_wait(e, BAD, 8, 0));
    for (int i = 0; i < 2; i++) {
        n = epoll_wait(e, v, 8, -1);
        printf("%d: %x %lx\n", n, v[0].events, (long)v[0].data.u64);
    }
    in.events = EPOLLIN | EPOLLET;
    SHOW(epoll_ctl(e, EPOLL_CTL_MOD, p[0], &in));
    SHOW(epoll_wait(e, v, 8, 0));
    SHOW(epoll_wait(e, v, 8, 0));
    write(p[1], "z", 1);
    SHOW(epoll_wait(e, v, 8, 0));
    SHOW(epoll_wait(e, v, 8, 20));
    in.events = EPOLLIN | EPOLLONESHOT;
    SHOW(epoll_ctl(e, EPOLL_CTL_MOD, p[0], &in));
    SHOW(epoll_wait(e, v, 8, 0));
    write(p[1], "z", 1);
    SHOW(epoll_wait(e, v, 8, 0));
    SHOW(epoll_ctl(e, EPOLL_CTL_MOD, p[0], &in));
    SHOW(epoll_wait(e, v, 8, 0));
    in.events = 0;
    SHOW(epoll_ctl(e, EPOLL_CTL_MOD, p[0], &in));
    SHOW(epoll_wait(e, v, 8, 0));
    close(p[1]);
    n = epoll_wait(e, v, 8, 0);
    printf("%d: %x\n", n, v[0].events);
    close(p[0]);
    SHOW(epoll_wait(e, v, 8, 0));
    return 0;
}

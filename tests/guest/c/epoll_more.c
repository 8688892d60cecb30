#include "t.h"

int main(void) {
    int p[3][2], e = epoll_create1(0), outer = epoll_create1(0), n;
    struct epoll_event v[8], in = {EPOLLIN};
    for (int i = 0; i < 3; i++) {
        MUST(pipe(p[i]));
        in.data.u32 = i;
        MUST(epoll_ctl(e, EPOLL_CTL_ADD, p[i][0], &in));
        write(p[i][1], "x", 1);
    }
    for (int k = 0; k < 4; k++) { /* fair: a full array goes round */
        n = epoll_wait(e, v, 2, 0);
        printf("%d: %d %d\n", n, v[0].data.u32, v[1].data.u32);
    }
    in.data.u32 = 50;
    SHOW(epoll_ctl(outer, EPOLL_CTL_ADD, e, &in));
    SHOW(epoll_ctl(e, EPOLL_CTL_ADD, outer, &in));
    n = epoll_wait(outer, v, 8, 0);
    printf("%d: %x %d\n", n, v[0].events, v[0].data.u32);
    struct pollfd f = {outer, POLLIN};
    SHOW(poll(&f, 1, 0));
    char c;
    for (int i = 0; i < 3; i++) read(p[i][0], &c, 1);
    SHOW(epoll_wait(outer, v, 8, 0));
    SHOW(poll(&f, 1, 0));
    int d = dup(p[0][0]); /* the registration belongs to the open file, and outlives the descriptor */
    close(p[0][0]);
    write(p[0][1], "y", 1);
    SHOW(epoll_wait(e, v, 8, 0));
    in.data.u32 = 60;
    SHOW(epoll_ctl(e, EPOLL_CTL_ADD, d, &in));
    SHOW(epoll_wait(e, v, 8, 0));
    close(d);
    SHOW(epoll_wait(e, v, 8, 0));
    int sv[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
    in.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    in.data.u32 = 70;
    MUST(epoll_ctl(e, EPOLL_CTL_ADD, sv[0], &in));
    n = epoll_wait(e, v, 8, 0);
    printf("%d: %x\n", n, v[0].events);
    write(sv[1], "a", 1);
    n = epoll_wait(e, v, 8, 0);
    printf("%d: %x\n", n, v[0].events);
    shutdown(sv[1], SHUT_WR);
    n = epoll_wait(e, v, 8, 0);
    printf("%d: %x\n", n, v[0].events);
    close(sv[1]);
    n = epoll_wait(e, v, 8, 0);
    printf("%d: %x\n", n, v[0].events);
    pid_t ch = fork();
    if (ch == 0) {
        nap(30);
        write(p[1][1], "z", 1);
        _exit(0);
    }
    in = (struct epoll_event){EPOLLIN, {.u32 = 80}};
    n = epoll_wait(e, v, 8, 2000);
    printf("%d: %x %d\n", n, v[0].events, v[0].data.u32);
    reap(ch);
    in.events = EPOLLEXCLUSIVE | EPOLLIN;
    SHOW(epoll_ctl(e, EPOLL_CTL_MOD, p[1][0], &in));
    SHOW(epoll_ctl(outer, EPOLL_CTL_ADD, p[1][0], &in));
    SHOW(epoll_ctl(outer, EPOLL_CTL_MOD, p[1][0], &in));
    return 0;
}

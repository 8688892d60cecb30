#include "t.h"

/* Urgent data at its edges: inline, two marks, only the byte, peeking, WAITALL, epoll, FIONREAD, signals. */
static volatile int urgs, ios;
static void on(int s) { s == SIGURG ? urgs++ : ios++; }
static int c, k;

static void fresh(void) {
    if (c) close(c), close(k);
    int s = MUST(socket(AF_INET, SOCK_STREAM, 0));
    struct sockaddr_in a = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
    socklen_t l = sizeof a;
    c = MUST(socket(AF_INET, SOCK_STREAM, 0));
    MUST(bind(s, (void *)&a, sizeof a)), MUST(listen(s, 1)), MUST(getsockname(s, (void *)&a, &l)), MUST(connect(c, (void *)&a, sizeof a));
    k = MUST(accept(s, NULL, NULL));
    close(s);
}

static void until(int want) {
    for (int n = -1, i = 0; i < 2000 && (ioctl(k, FIONREAD, &n), n != want); i++) nap(1);
    int n = -1;
    SHOW(ioctl(k, FIONREAD, &n));
    VAL(n);
}

static void pri(void) {
    struct pollfd p = {k, POLLPRI};
    SHOW(poll(&p, 1, 2000));
}

static void ready(void) {
    struct pollfd p = {k, POLLIN | POLLPRI | POLLRDBAND | POLLOUT};
    SHOW(poll(&p, 1, 0));
    printf("%x\n", p.revents);
    int mark = -1;
    SHOW(ioctl(k, SIOCATMARK, &mark));
    VAL(mark);
    VAL(sockatmark(k));
}

static void get(int n, int flags) {
    char b[64] = {0};
    SHOW(recv(k, b, n, flags | MSG_DONTWAIT));
    STR(b);
}

int main(void) {
    int one = 1;
    struct sigaction act = {.sa_handler = on};
    sigaction(SIGURG, &act, 0), sigaction(SIGIO, &act, 0);

    puts("-- before a connection");
    k = MUST(socket(AF_INET, SOCK_STREAM, 0)), c = MUST(socket(AF_INET, SOCK_STREAM, 0));
    get(1, MSG_OOB);
    VAL(sockatmark(k));
    SHOW(send(c, "x", 1, MSG_OOB | MSG_NOSIGNAL));

    puts("-- only the byte");
    fresh();
    SHOW(send(c, "!", 1, MSG_OOB));
    pri(), ready(), until(0);
    get(1, MSG_OOB | MSG_PEEK), get(4, MSG_OOB), get(1, MSG_OOB);
    ready();
    get(4, 0), ready();
    SHOW(send(c, "next", 4, 0));
    until(4), ready(), get(8, 0);

    puts("-- read away by an ordinary read");
    fresh();
    SHOW(send(c, "!", 1, MSG_OOB));
    pri(), get(4, 0), ready(), get(1, MSG_OOB);

    puts("-- the last of several bytes");
    fresh();
    SHOW(send(c, "abc!", 4, MSG_OOB));
    pri(), until(3), ready(), get(2, 0), ready(), get(8, MSG_PEEK), get(8, 0), ready();
    SHOW(send(c, "def", 3, 0));
    nap(50);
    ready(), get(8, MSG_PEEK), get(8, 0), ready(), get(1, MSG_OOB);

    puts("-- inline");
    fresh();
    SHOW(setsockopt(k, SOL_SOCKET, SO_OOBINLINE, &one, sizeof one));
    SHOW(send(c, "abc!", 4, MSG_OOB)), SHOW(send(c, "def", 3, 0));
    pri(), until(7), ready(), get(1, MSG_OOB), get(16, 0), ready(), get(16, MSG_PEEK), get(16, 0), ready(), get(16, 0);

    puts("-- two marks");
    fresh();
    SHOW(send(c, "ab1", 3, MSG_OOB));
    pri(), until(2);
    SHOW(send(c, "cd2", 3, MSG_OOB));
    until(5), ready(), get(1, MSG_OOB), get(16, 0), ready(), get(16, 0);

    puts("-- a second mark while at the first");
    fresh();
    SHOW(send(c, "ab1", 3, MSG_OOB));
    pri(), until(2), get(16, 0), ready();
    SHOW(send(c, "cd2", 3, MSG_OOB));
    until(2), get(16, 0), get(1, MSG_OOB), get(16, 0);

    puts("-- WAITALL stops at the mark, read and readv too");
    fresh();
    SHOW(send(c, "abc!", 4, MSG_OOB)), SHOW(send(c, "def", 3, 0));
    pri(), until(3);
    char b[16] = {0};
    SHOW(recv(k, b, 6, MSG_WAITALL));
    STR(b);
    memset(b, 0, 16);
    struct iovec v[2] = {{b, 1}, {b + 1, 9}};
    SHOW(readv(k, v, 2));
    STR(b);

    puts("-- truncation throws away");
    fresh();
    SHOW(send(c, "abc!", 4, MSG_OOB)), SHOW(send(c, "def", 3, 0));
    pri(), until(3);
    SHOW(recv(k, NULL, 16, MSG_TRUNC | MSG_DONTWAIT));
    nap(50);
    ready(), get(16, 0), get(1, MSG_OOB);

    puts("-- recvmsg says MSG_OOB, no room takes it");
    fresh();
    SHOW(send(c, "!", 1, MSG_OOB));
    pri();
    struct iovec w = {b, 16};
    struct msghdr h = {.msg_iov = &w, .msg_iovlen = 1};
    SHOW(recvmsg(k, &h, MSG_OOB));
    printf("%x %c\n", h.msg_flags, b[0]);
    SHOW(send(c, "?", 1, MSG_OOB));
    pri();
    SHOW(recv(k, b, 0, MSG_OOB)), get(1, MSG_OOB);

    puts("-- at the end");
    fresh();
    SHOW(send(c, "ab!", 3, MSG_OOB));
    pri(), until(2);
    shutdown(c, SHUT_WR);
    struct pollfd p = {k, POLLRDHUP};
    SHOW(poll(&p, 1, 2000));
    ready(), get(8, 0), get(1, MSG_OOB), get(1, MSG_OOB), get(8, 0), get(1, MSG_OOB);

    puts("-- after the end without a mark");
    fresh();
    shutdown(c, SHUT_WR);
    p.fd = k;
    SHOW(poll(&p, 1, 2000));
    get(1, MSG_OOB);
    SHOW(send(k, "!", 1, MSG_OOB));
    SHOW(send(c, "!", 1, MSG_OOB | MSG_NOSIGNAL));

    puts("-- signals");
    fresh();
    SHOW(send(c, "0", 1, MSG_OOB));
    pri();
    VAL(urgs);
    SHOW(fcntl(k, F_SETOWN, getpid()));
    SHOW(send(c, "1", 1, MSG_OOB));
    for (int i = 0; i < 2000 && !urgs; i++) nap(1);
    VAL(urgs), VAL(ios);
    int pid = getpid();
    SHOW(ioctl(k, SIOCSPGRP, &pid));
    SHOW(fcntl(k, F_SETFL, O_ASYNC));
    SHOW(send(c, "2", 1, MSG_OOB));
    for (int i = 0; i < 2000 && !(urgs > 1 && ios); i++) nap(1);
    VAL(urgs), VAL(ios > 0);
    SHOW(fcntl(k, F_SETFL, 0)), SHOW(fcntl(k, F_SETOWN, 0));
    SHOW(send(c, "3", 1, MSG_OOB));
    pri(), nap(50);
    VAL(urgs);

    puts("-- epoll");
    fresh();
    int e = MUST(epoll_create1(0));
    struct epoll_event ev = {EPOLLPRI | EPOLLET};
    SHOW(epoll_ctl(e, EPOLL_CTL_ADD, k, &ev));
    SHOW(send(c, "abc", 3, 0));
    SHOW(epoll_wait(e, &ev, 1, 50));
    SHOW(send(c, "!", 1, MSG_OOB));
    SHOW(epoll_wait(e, &ev, 1, 2000));
    printf("%x\n", ev.events);
    SHOW(epoll_wait(e, &ev, 1, 0));
    get(1, MSG_OOB);
    SHOW(epoll_wait(e, &ev, 1, 0));

    puts("-- select");
    fresh();
    SHOW(send(c, "!", 1, MSG_OOB));
    fd_set r, x;
    FD_ZERO(&r);
    FD_ZERO(&x);
    FD_SET(k, &r);
    FD_SET(k, &x);
    struct timeval tv = {2};
    SHOW(select(k + 1, NULL, NULL, &x, &tv));
    tv = (struct timeval){0};
    SHOW(select(k + 1, &r, NULL, NULL, &tv));

    puts("-- UDP has none");
    int u = MUST(socket(AF_INET, SOCK_DGRAM, 0)), m;
    struct sockaddr_in to = {AF_INET, htons(9), {htonl(INADDR_LOOPBACK)}};
    SHOW(sendto(u, "x", 1, MSG_OOB, (void *)&to, sizeof to));
    SHOW(recv(u, b, 1, MSG_OOB | MSG_DONTWAIT));
    SHOW(ioctl(u, SIOCATMARK, &m));
    return 0;
}

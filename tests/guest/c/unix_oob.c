#include "t.h"

/* MSG_OOB on stream sockets of AF_UNIX: one marked byte, as on TCP but for what is left of it in the queue. */
static volatile int urgs;
static void on(int s) { urgs++; }
static int c = -1, k = -1;

static void fresh(void) {
    int p[2];
    if (c >= 0) close(c), close(k);
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
    c = p[0], k = p[1];
}

static void ready(void) {
    struct pollfd p = {k, POLLIN | POLLPRI | POLLRDBAND | POLLOUT};
    SHOW(poll(&p, 1, 0));
    int n = -1, mark = -1;
    if (p.revents & POLLIN) ioctl(k, FIONREAD, &n);  // Linux 6.18 counts a byte that was passed over for good
    SHOW(ioctl(k, SIOCATMARK, &mark));
    printf("%x unread %d mark %d\n", p.revents, n, mark);
}

static void get(int n, int flags) {
    char b[64] = {0};
    SHOW(recv(k, b, n, flags | MSG_DONTWAIT));
    STR(b);
}

int main(void) {
    int one = 1;
    char b[16] = {0};
    signal(SIGURG, on);
    signal(SIGPIPE, SIG_IGN);

    puts("-- refused");
    c = MUST(socket(AF_UNIX, SOCK_STREAM, 0)), k = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    SHOW(send(c, "x", 1, MSG_OOB)), SHOW(send(c, "", 0, MSG_OOB)), get(1, MSG_OOB), ready();
    int d[2];
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, d));
    SHOW(send(d[0], "x", 1, MSG_OOB)), SHOW(recv(d[1], b, 1, MSG_OOB | MSG_DONTWAIT));
    MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, d));
    SHOW(send(d[0], "x", 1, MSG_OOB)), SHOW(recv(d[1], b, 1, MSG_OOB | MSG_DONTWAIT));
    fresh();
    SHOW(send(c, "", 0, MSG_OOB)), get(1, MSG_OOB);

    puts("-- only the byte");
    fresh();
    SHOW(send(c, "!", 1, MSG_OOB));
    ready(), get(1, MSG_OOB | MSG_PEEK), get(4, MSG_OOB), ready(), get(1, MSG_OOB), get(4, MSG_PEEK), ready(), get(4, 0), ready();

    puts("-- read away by an ordinary read");
    fresh();
    SHOW(send(c, "!", 1, MSG_OOB));
    get(4, MSG_PEEK), ready(), get(4, 0), ready(), get(1, MSG_OOB);

    puts("-- the last of several bytes");
    fresh();
    SHOW(send(c, "abc!", 4, MSG_OOB)), SHOW(send(c, "def", 3, 0));
    ready(), get(2, 0), ready(), get(8, MSG_PEEK), get(8, 0), ready(), get(8, MSG_PEEK), get(1, MSG_OOB), ready(), get(8, MSG_PEEK), get(8, 0), ready();

    puts("-- taken first, the mark stays");
    fresh();
    SHOW(send(c, "abc!", 4, MSG_OOB)), SHOW(send(c, "def", 3, 0));
    get(1, MSG_OOB), ready(), get(16, MSG_PEEK), get(16, 0), ready(), get(16, 0), ready();

    puts("-- left lying");
    fresh();
    SHOW(send(c, "abc!", 4, MSG_OOB)), SHOW(send(c, "def", 3, 0));
    get(16, 0), get(16, 0), ready(), get(1, MSG_OOB);

    puts("-- inline");
    fresh();
    SHOW(setsockopt(k, SOL_SOCKET, SO_OOBINLINE, &one, sizeof one));
    SHOW(send(c, "abc!", 4, MSG_OOB)), SHOW(send(c, "def", 3, 0));
    ready(), get(1, MSG_OOB), get(16, MSG_PEEK), get(16, 0), ready(), get(16, MSG_PEEK), get(16, 0), ready();

    puts("-- two marks");
    fresh();
    SHOW(send(c, "ab1", 3, MSG_OOB)), SHOW(send(c, "cd2", 3, MSG_OOB));
    ready(), get(1, MSG_OOB), get(16, 0), ready(), get(16, 0), ready();
    fresh();
    SHOW(send(c, "ab1", 3, MSG_OOB)), get(1, MSG_OOB), SHOW(send(c, "2", 1, MSG_OOB));
    ready(), get(16, MSG_PEEK), get(16, 0), ready(), get(1, MSG_OOB), ready(), get(16, 0), ready();

    puts("-- WAITALL");
    fresh();
    SHOW(send(c, "abc!", 4, MSG_OOB)), SHOW(send(c, "def", 3, 0));
    SHOW(recv(k, b, 6, MSG_WAITALL));
    STR(b);
    memset(b, 0, 16);
    SHOW(recv(k, b, 3, MSG_WAITALL));
    STR(b);

    puts("-- recvmsg, and no room");
    fresh();
    SHOW(send(c, "!", 1, MSG_OOB));
    struct iovec w = {b, 16};
    struct msghdr h = {.msg_iov = &w, .msg_iovlen = 1};
    SHOW(recvmsg(k, &h, MSG_OOB));
    printf("%x %c\n", h.msg_flags, b[0]);
    SHOW(send(c, "?", 1, MSG_OOB));
    SHOW(recv(k, b, 0, MSG_OOB)), get(1, MSG_OOB);

    puts("-- at the end");
    fresh();
    SHOW(send(c, "ab!", 3, MSG_OOB));
    SHOW(shutdown(c, SHUT_WR));
    ready(), get(8, 0), ready(), get(8, 0), get(1, MSG_OOB);
    SHOW(send(c, "!", 1, MSG_OOB | MSG_NOSIGNAL));
    fresh();
    SHOW(send(c, "!", 1, MSG_OOB)), get(1, MSG_OOB);
    close(k), k = dup(c);
    get(1, 0);
    fresh();
    SHOW(send(c, "!", 1, MSG_OOB));
    close(k), k = dup(c);
    get(1, 0);

    puts("-- a descriptor comes with it");
    fresh();
    union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } u = {{CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    memcpy(CMSG_DATA(&u.h), &one, sizeof one);
    w.iov_len = 1;
    struct msghdr m = {.msg_iov = &w, .msg_iovlen = 1, .msg_control = &u, .msg_controllen = sizeof u};
    SHOW(sendmsg(c, &m, MSG_OOB));
    SHOW(recvmsg(k, &m, MSG_OOB));
    printf("%x %zu\n", m.msg_flags, (size_t)m.msg_controllen);
    ready(), get(4, 0);

    puts("-- signals and epoll");
    fresh();
    SHOW(fcntl(k, F_SETOWN, getpid()));
    int e = MUST(epoll_create1(0));
    struct epoll_event ev = {EPOLLPRI | EPOLLET};
    SHOW(epoll_ctl(e, EPOLL_CTL_ADD, k, &ev));
    SHOW(send(c, "abc", 3, 0)), SHOW(epoll_wait(e, &ev, 1, 0));
    SHOW(send(c, "!", 1, MSG_OOB));
    VAL(urgs);
    SHOW(epoll_wait(e, &ev, 1, 0));
    printf("%x\n", ev.events);
    return 0;
}

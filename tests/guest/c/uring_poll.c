#include "uring.h"

static struct ring r;
static char b[4096];

static void wait_for(unsigned n) {
    SHOW(uring_enter(r.fd, 0, n, GETEVENTS, NULL, 8));
    completions(&r, n);
}
static void once(void) {
    int p[2], e = MUST(eventfd(0, 0));
    MUST(pipe(p));
    add(&r, POLL_ADD, p[1], NULL, 0, 0, 1)->op_flags = POLLIN | POLLOUT;
    go(&r, 1);
    add(&r, POLL_ADD, p[0], NULL, 0, 0, 2)->op_flags = POLLIN;
    add(&r, POLL_ADD, e, NULL, 0, 0, 3)->op_flags = POLLIN;
    go(&r, 0);
    write(p[1], "x", 1);
    wait_for(1);
    add(&r, POLL_REMOVE, -1, (void *)3, 0, 0, 4);
    go(&r, 2);
    add(&r, POLL_REMOVE, -1, (void *)3, 0, 0, 5);
    go(&r, 1);
    add(&r, POLL_ADD, 99, NULL, 0, 0, 6)->op_flags = POLLIN;
    go(&r, 1);
    int file = MUST(open("file", O_RDWR | O_CREAT, 0644));
    add(&r, POLL_ADD, file, NULL, 0, 0, 7)->op_flags = POLLIN;
    go(&r, 1);
    add(&r, POLL_ADD, p[0], NULL, 0x100, 0, 8);
    go(&r, 0);
    add(&r, POLL_ADD, p[0], b, 0, 0, 9);
    go(&r, 0);
    read(p[0], b, 1);
    add(&r, POLL_ADD, p[0], NULL, 0, 0, 10)->op_flags = POLLIN;
    go(&r, 0);
    close(p[1]);
    wait_for(1);
    close(p[0]), close(e), close(file);
    unlink("file");
}
static void multishot(void) {
    int s[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    add(&r, POLL_ADD, s[0], NULL, 1, 0, 20)->op_flags = POLLIN;
    go(&r, 0);
    for (int i = 0; i < 3; i++) write(s[1], "x", 1), wait_for(1);
    add(&r, POLL_REMOVE, -1, (void *)20, 4, 21, 22);
    go(&r, 1);
    write(s[1], "x", 1);
    wait_for(1);
    add(&r, POLL_REMOVE, -1, (void *)21, 2, 0, 23)->op_flags = POLLOUT;
    go(&r, 2);
    add(&r, POLL_REMOVE, -1, (void *)21, 0, 0, 24);
    go(&r, 1);
    add(&r, POLL_ADD, s[0], NULL, 1, 0, 25)->op_flags = POLLIN | POLLRDHUP;
    go(&r, 1);
    read(s[0], b, 64);
    close(s[1]);
    wait_for(1);
    add(&r, ASYNC_CANCEL, -1, (void *)25, 0, 0, 26);
    go(&r, 1);
    completions(&r, 0);
    close(s[0]);
}
static void cancel(void) {
    int p[2];
    MUST(pipe(p));
    add(&r, READ, p[0], b, 64, 0, 30);
    add(&r, POLL_ADD, p[0], NULL, 0, 0, 31)->op_flags = POLLIN;
    go(&r, 0);
    add(&r, ASYNC_CANCEL, -1, (void *)30, 0, 0, 32);
    go(&r, 2);
    add(&r, ASYNC_CANCEL, -1, (void *)30, 0, 0, 33);
    go(&r, 1);
    add(&r, READ, p[0], b, 64, 0, 34);
    go(&r, 0);
    add(&r, ASYNC_CANCEL, p[0], NULL, 0, 0, 35)->op_flags = 1 | 2; /* all of this descriptor */
    SHOW(submit(&r, 3));
    int sum = 0, gone = 0; /* in any order */
    for (struct cqe *c; (c = peek(&r)); seen(&r)) sum += c->user_data, gone += c->res == -ECANCELED;
    VAL(sum), VAL(gone);
    add(&r, ASYNC_CANCEL, 99, NULL, 0, 0, 36)->op_flags = 2;
    go(&r, 1);
    add(&r, ASYNC_CANCEL, -1, NULL, 0, 0, 37)->op_flags = 4; /* any */
    go(&r, 1);
    add(&r, ASYNC_CANCEL, -1, NULL, 0, 0, 38)->op_flags = 0x1000;
    go(&r, 0);
    add(&r, ASYNC_CANCEL, -1, NULL, 0, 1, 39);
    go(&r, 0);
    add(&r, ASYNC_CANCEL, -1, NULL, 0, 1, 40)->op_flags = 6;
    go(&r, 0);
    close(p[0]), close(p[1]);
}
static void as_a_file(void) {
    int ep = MUST(epoll_create1(0));
    struct epoll_event ev = {.events = EPOLLIN};
    MUST(epoll_ctl(ep, EPOLL_CTL_ADD, r.fd, &ev));
    SHOW(epoll_wait(ep, &ev, 1, 0));
    int p[2];
    MUST(pipe(p));
    add(&r, READ, p[0], b, 64, 0, 50);
    go(&r, 0);
    SHOW(epoll_wait(ep, &ev, 1, 0));
    write(p[1], "x", 1);
    SHOW(epoll_wait(ep, &ev, 1, -1));
    VAL(ev.events);
    completions(&r, 0);
    SHOW(epoll_wait(ep, &ev, 1, 0));
    /* one ring waits for another */
    struct ring o = open_ring(4, 0);
    add(&o, POLL_ADD, r.fd, NULL, 0, 0, 51)->op_flags = POLLIN;
    go(&o, 0);
    add(&r, NOP, -1, NULL, 0, 0, 52);
    go(&r, 1);
    SHOW(uring_enter(o.fd, 0, 1, GETEVENTS, NULL, 8));
    completions(&o, 1);
    close(o.fd), close(ep), close(p[0]), close(p[1]);
}
static void told(void) {
    int e = MUST(eventfd(0, EFD_NONBLOCK)), other = MUST(eventfd(0, 0));
    uint64_t n = 0;
    SHOW(uring_register(r.fd, 4, &e, 1));
    SHOW(uring_register(r.fd, 4, &e, 1));
    for (int i = 0; i < 3; i++) add(&r, NOP, -1, NULL, 0, 0, 60 + i);
    go(&r, 3);
    SHOW(read(e, &n, 8));
    VAL(n);
    add(&r, READ, other, b, 8, 0, 63);
    go(&r, 0);
    SHOW(read(e, &n, 8));
    write(other, &n, 8);
    wait_for(1);
    SHOW(read(e, &n, 8));
    CQ_FLAGS(&r) = 1;
    add(&r, NOP, -1, NULL, 0, 0, 64);
    go(&r, 1);
    SHOW(read(e, &n, 8));
    CQ_FLAGS(&r) = 0;
    /* it does not go round in circles */
    add(&r, POLL_ADD, e, NULL, 1, 0, 65)->op_flags = POLLIN;
    go(&r, 0);
    add(&r, NOP, -1, NULL, 0, 0, 66);
    SHOW(submit(&r, 2));
    while (CQ_TAIL(&r) - CQ_HEAD(&r) < 2) sched_yield();
    VAL(CQ_TAIL(&r) - CQ_HEAD(&r));
    completions(&r, 0);
    SHOW(uring_register(r.fd, 5, NULL, 0));
    SHOW(uring_register(r.fd, 5, NULL, 0));
    SHOW(uring_register(r.fd, 4, &(int){0}, 1));
    SHOW(uring_register(r.fd, 4, BAD, 1));
    SHOW(uring_register(r.fd, 4, &e, 2));
    close(e), close(other);
}

int main(void) {
    r = open_ring(8, 0);
    once();
    multishot();
    cancel();
    as_a_file();
    told();
    return 0;
}

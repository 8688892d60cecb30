#include "uring.h"

static struct ring r;
static char b[64];
static struct __kernel_timespec soon = {0, 5 * MS}, later = {0, 20 * MS}, never = {1000, 0};

static void wait_for(unsigned n) {
    SHOW(uring_enter(r.fd, 0, n, GETEVENTS, NULL, 8));
    completions(&r, n);
}
static void alarmed(int n) {}

static void plain(void) {
    add(&r, TIMEOUT, -1, &soon, 1, 0, 1);
    go(&r, 1);
    add(&r, TIMEOUT, -1, &never, 1, 2, 2);
    add(&r, NOP, -1, NULL, 0, 0, 3);
    go(&r, 1);
    add(&r, NOP, -1, NULL, 0, 0, 4);
    go(&r, 2);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    struct __kernel_timespec at = {now.tv_sec, now.tv_nsec + 3 * MS};
    add(&r, TIMEOUT, -1, &at, 1, 0, 5)->op_flags = 1;
    go(&r, 1);
    clock_gettime(CLOCK_REALTIME, &now);
    at = (struct __kernel_timespec){now.tv_sec - 1, now.tv_nsec};
    add(&r, TIMEOUT, -1, &at, 1, 0, 6)->op_flags = 1 | 8;
    go(&r, 1);
    add(&r, TIMEOUT, -1, &soon, 1, 3, 7)->op_flags = 64;
    SHOW(submit(&r, 1));
    while (CQ_TAIL(&r) - CQ_HEAD(&r) < 3) uring_enter(r.fd, 0, 3, GETEVENTS, NULL, 8);
    completions(&r, 0);
    add(&r, TIMEOUT, -1, &soon, 2, 0, 8);
    go(&r, 0);
    add(&r, TIMEOUT, -1, BAD, 1, 0, 9);
    go(&r, 0);
    add(&r, TIMEOUT, -1, &soon, 1, 0, 10)->op_flags = 4 | 8;
    go(&r, 0);
    add(&r, TIMEOUT, -1, &soon, 1, 0, 11)->op_flags = 64 | 1;
    go(&r, 0);
    at = (struct __kernel_timespec){-1, 0};
    add(&r, TIMEOUT, -1, &at, 1, 0, 12);
    go(&r, 0);
}
static void removed(void) {
    add(&r, TIMEOUT, -1, &never, 1, 0, 20);
    go(&r, 0);
    add(&r, TIMEOUT_REMOVE, -1, (void *)21, 0, 0, 22);
    go(&r, 1);
    add(&r, TIMEOUT_REMOVE, -1, (void *)20, 0, 0, 23);
    go(&r, 2);
    add(&r, TIMEOUT, -1, &never, 1, 0, 24);
    go(&r, 0);
    add(&r, TIMEOUT_REMOVE, -1, (void *)24, 0, (uintptr_t)&soon, 25)->op_flags = 2;
    go(&r, 1);
    wait_for(1);
    add(&r, TIMEOUT, -1, &never, 1, 0, 26);
    go(&r, 0);
    add(&r, ASYNC_CANCEL, -1, (void *)26, 0, 0, 27);
    go(&r, 2);
    add(&r, TIMEOUT_REMOVE, -1, (void *)24, 0, 0, 28)->op_flags = 1;
    go(&r, 0);
}
static void links(void) {
    int p[2];
    MUST(pipe(p));
    for (int i = 0; i < 4; i++) add(&r, NOP, -1, NULL, 0, 0, 30 + i)->flags = i < 2 ? LINK : 0;
    go(&r, 4);
    add(&r, READ, 99, b, 1, 0, 34)->flags = LINK;
    add(&r, NOP, -1, NULL, 0, 0, 35)->flags = LINK;
    add(&r, NOP, -1, NULL, 0, 0, 36);
    go(&r, 3);
    add(&r, READ, 99, b, 1, 0, 37)->flags = HARDLINK;
    add(&r, NOP, -1, NULL, 0, 0, 38)->flags = LINK;
    add(&r, NOP, -1, NULL, 0, 0, 39);
    go(&r, 3);
    add(&r, NOP, -1, NULL, 0, 0, 40)->flags = LINK;
    add(&r, 200, -1, NULL, 0, 0, 41)->flags = LINK;
    add(&r, NOP, -1, NULL, 0, 0, 42);
    go(&r, 3);
    add(&r, NOP, -1, NULL, 0, 0, 43)->flags = LINK; /* to the end of what is submitted */
    go(&r, 1);
    add(&r, READ, p[0], b, 8, 0, 44)->flags = LINK;
    add(&r, WRITE, p[1], "linked", 6, 0, 45)->flags = LINK; /* the read is short */
    add(&r, NOP, -1, NULL, 0, 0, 46);
    go(&r, 0);
    write(p[1], "abc", 3);
    wait_for(3);
    add(&r, READ, p[0], b, 3, 0, 47)->flags = LINK;
    add(&r, WRITE, p[1], "linked", 6, 0, 48)->flags = LINK;
    add(&r, READ, p[0], b, 6, 0, 49);
    go(&r, 0);
    write(p[1], "abc", 3);
    wait_for(3);
    STR(b);
    /* with a limit */
    add(&r, READ, p[0], b, 8, 0, 50)->flags = LINK;
    add(&r, LINK_TIMEOUT, -1, &soon, 1, 0, 51);
    go(&r, 2);
    add(&r, READ, p[0], b, 2, 0, 52)->flags = LINK;
    add(&r, LINK_TIMEOUT, -1, &never, 1, 0, 53)->flags = LINK;
    add(&r, NOP, -1, NULL, 0, 0, 54);
    go(&r, 0);
    write(p[1], "hi", 2);
    wait_for(3);
    add(&r, NOP, -1, NULL, 0, 0, 55)->flags = LINK;
    add(&r, LINK_TIMEOUT, -1, &never, 1, 0, 56);
    go(&r, 2);
    add(&r, LINK_TIMEOUT, -1, &never, 1, 0, 57);
    go(&r, 0);
    add(&r, TIMEOUT, -1, &soon, 1, 0, 58)->flags = LINK;
    add(&r, NOP, -1, NULL, 0, 0, 59);
    go(&r, 2);
    add(&r, TIMEOUT, -1, &soon, 1, 0, 60)->flags = LINK;
    r.sqes[(r.tail - 1) & 7].op_flags = 32; /* ETIME_SUCCESS */
    add(&r, NOP, -1, NULL, 0, 0, 61);
    go(&r, 2);
    /* quiet */
    add(&r, NOP, -1, NULL, 0, 0, 62)->flags = LINK | SKIP_SUCCESS;
    add(&r, NOP, -1, NULL, 0, 0, 63);
    go(&r, 1);
    add(&r, READ, 99, b, 1, 0, 64)->flags = LINK | SKIP_SUCCESS;
    add(&r, NOP, -1, NULL, 0, 0, 65);
    go(&r, 1);
    close(p[0]), close(p[1]);
}
static void drained(void) {
    struct ring save = r;
    r = open_ring(8, 0);
    int p[2];
    MUST(pipe(p));
    add(&r, READ, p[0], b, 8, 0, 70);
    add(&r, NOP, -1, NULL, 0, 0, 71)->flags = DRAIN;
    add(&r, NOP, -1, NULL, 0, 0, 72);
    go(&r, 0);
    write(p[1], "x", 1);
    wait_for(3);
    add(&r, NOP, -1, NULL, 0, 0, 73)->flags = DRAIN;
    go(&r, 1);
    add(&r, NOP, -1, NULL, 0, 0, 74)->flags = SKIP_SUCCESS;
    add(&r, NOP, -1, NULL, 0, 0, 75)->flags = DRAIN;
    go(&r, 1);
    close(p[0]), close(p[1]), close(r.fd);
    r = save;
}
struct ext {
    uint64_t mask;
    uint32_t size, pad;
    uint64_t ts;
};
static void waits(void) {
    struct ext x = {0, 8, 0, (uintptr_t)&soon};
    SHOW(uring_enter(r.fd, 0, 1, GETEVENTS | EXT_ARG, &x, sizeof x));
    x.ts = 8;
    SHOW(uring_enter(r.fd, 0, 1, GETEVENTS | EXT_ARG, &x, sizeof x));
    add(&r, NOP, -1, NULL, 0, 0, 80);
    x.ts = (uintptr_t)&soon;
    SHOW(uring_enter(r.fd, 1, 2, GETEVENTS | EXT_ARG, &x, sizeof x));
    r.put = 0;
    completions(&r, 0);
    /* a timeout ends the wait whatever was waited for */
    add(&r, TIMEOUT, -1, &soon, 1, 0, 81);
    SHOW(submit(&r, 3));
    completions(&r, 1);
    signal(SIGALRM, alarmed);
    struct itimerval t = {{0, 0}, {0, 5000}};
    setitimer(ITIMER_REAL, &t, NULL);
    SHOW(uring_enter(r.fd, 0, 1, GETEVENTS, NULL, 8));
    sigset_t block, none;
    sigemptyset(&none), sigemptyset(&block), sigaddset(&block, SIGALRM);
    sigprocmask(SIG_BLOCK, &block, NULL);
    raise(SIGALRM);
    SHOW(uring_enter(r.fd, 0, 1, GETEVENTS, &none, 8));
    SHOW(uring_enter(r.fd, 0, 1, GETEVENTS, &none, 4));
    SHOW(uring_enter(r.fd, 0, 1, GETEVENTS, BAD, 8));
    sigprocmask(SIG_BLOCK, NULL, &block);
    VAL(sigismember(&block, SIGALRM));
}

int main(void) {
    r = open_ring(8, 0);
    plain();
    removed();
    links();
    drained();
    waits();
    return 0;
}

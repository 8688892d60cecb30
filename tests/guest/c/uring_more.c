#include "uring.h"
/* Completions without room, multishot requests that end, drains, chains that are cut. */

static struct ring r;
static char b[64];

static void wait_for(unsigned n) {
    SHOW(uring_enter(r.fd, 0, n, GETEVENTS, NULL, 8));
    completions(&r, n);
}
static void no_room(void) {
    struct ring save = r;
    r = open_ring(2, 0);
    int s[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    add(&r, POLL_ADD, s[0], NULL, 1, 0, 1)->op_flags = POLLIN;
    submit(&r, 0);
    for (int i = 0; i < 7; i++) write(s[1], "x", 1), uring_enter(r.fd, 0, 0, 0, NULL, 8);
    VAL(SQ_FLAGS(&r) & 2);
    completions(&r, 0);
    wait_for(0);
    add(&r, POLL_REMOVE, -1, (void *)1, 0, 0, 2);
    go(&r, 1);
    close(s[0]), close(s[1]), close(r.fd);
    r = save;
}
static void drains(void) {
    int p[2], q[2];
    MUST(pipe(p)), MUST(pipe(q));
    struct ring save = r;
    r = open_ring(8, 0);
    add(&r, READ, p[0], b, 1, 0, 10);
    add(&r, READ, q[0], b, 1, 0, 11)->flags = DRAIN;
    go(&r, 0);
    write(q[1], "x", 1);
    wait_for(0);
    write(p[1], "x", 1);
    wait_for(2);
    /* in the middle of a chain: all of it, and what comes after */
    add(&r, READ, p[0], b, 1, 0, 12);
    add(&r, NOP, -1, NULL, 0, 0, 13)->flags = LINK;
    add(&r, NOP, -1, NULL, 0, 0, 14)->flags = DRAIN | LINK;
    add(&r, NOP, -1, NULL, 0, 0, 15);
    go(&r, 0);
    write(p[1], "x", 1);
    wait_for(4);
    /* what is cancelled is over, too */
    add(&r, READ, p[0], b, 1, 0, 17);
    add(&r, NOP, -1, NULL, 0, 0, 18)->flags = DRAIN;
    go(&r, 0);
    close(r.fd), close(p[0]), close(p[1]), close(q[0]), close(q[1]);
    r = save;
}
static void chains(void) {
    int p[2];
    MUST(pipe(p));
    struct __kernel_timespec soon = {0, 5 * MS};
    /* a limit in the middle of a chain */
    add(&r, READ, p[0], b, 8, 0, 20)->flags = LINK;
    add(&r, LINK_TIMEOUT, -1, &soon, 1, 0, 21)->flags = LINK;
    add(&r, NOP, -1, NULL, 0, 0, 22);
    go(&r, 3);
    add(&r, READ, p[0], b, 8, 0, 23)->flags = HARDLINK;
    add(&r, LINK_TIMEOUT, -1, &soon, 1, 0, 24)->flags = LINK;
    add(&r, NOP, -1, NULL, 0, 0, 25);
    go(&r, 3);
    /* cancelled by name, and with it what follows */
    add(&r, READ, p[0], b, 8, 0, 26)->flags = LINK;
    add(&r, NOP, -1, NULL, 0, 0, 27)->flags = LINK;
    add(&r, NOP, -1, NULL, 0, 0, 28);
    go(&r, 0);
    add(&r, ASYNC_CANCEL, -1, (void *)27, 0, 0, 29);
    go(&r, 1);
    add(&r, ASYNC_CANCEL, -1, (void *)26, 0, 0, 30);
    go(&r, 4);
    /* two limits */
    add(&r, READ, p[0], b, 8, 0, 31)->flags = LINK;
    add(&r, LINK_TIMEOUT, -1, &soon, 1, 0, 32)->flags = LINK;
    add(&r, LINK_TIMEOUT, -1, &soon, 1, 0, 33);
    go(&r, 3);
    /* vectors may go once they are submitted */
    struct iovec v[2] = {{b, 1}, {b + 1, 2}};
    add(&r, READ, p[0], b + 8, 1, 0, 34)->flags = LINK;
    int file = MUST(open("file", O_RDWR | O_CREAT | O_TRUNC, 0600));
    write(file, "abc", 3);
    add(&r, READV, file, v, 2, 0, 35);
    go(&r, 0);
    memset(v, 255, sizeof v);
    write(p[1], "z", 1);
    wait_for(2);
    printf("%.3s\n", b);
    close(file);
    /* a limit that is changed */
    struct __kernel_timespec never = {1000, 0};
    add(&r, READ, p[0], b, 8, 0, 36)->flags = LINK;
    add(&r, LINK_TIMEOUT, -1, &never, 1, 0, 37);
    go(&r, 0);
    add(&r, TIMEOUT_REMOVE, -1, (void *)37, 0, (uintptr_t)&soon, 38)->op_flags = 2 | 16;
    go(&r, 1);
    wait_for(2);
    add(&r, TIMEOUT_REMOVE, -1, (void *)37, 0, (uintptr_t)&soon, 39)->op_flags = 16;
    go(&r, 1);
    close(p[0]), close(p[1]);
}
static void counted(void) {
    struct __kernel_timespec never = {1000, 0};
    add(&r, TIMEOUT, -1, &never, 1, 3, 40);
    add(&r, TIMEOUT, -1, &never, 1, 1, 41);
    add(&r, NOP, -1, NULL, 0, 0, 42);
    go(&r, 1);
    wait_for(0);
    add(&r, NOP, -1, NULL, 0, 0, 43);
    go(&r, 1);
    wait_for(0);
    add(&r, NOP, -1, NULL, 0, 0, 44);
    go(&r, 1);
    wait_for(0);
}
static void fifo(void) {
    MUST(mkfifo("fifo", 0600));
    add(&r, OPENAT, AT_FDCWD, "fifo", 0, 0, 50)->op_flags = O_RDONLY;
    r.sqes[(r.tail - 1) & 7].flags = ASYNC;
    go(&r, 0);
    int w = MUST(open("fifo", O_WRONLY));
    SHOW(uring_enter(r.fd, 0, 1, GETEVENTS, NULL, 8));
    struct cqe *c = peek(&r);
    VAL(c->res >= 0);
    write(w, "through", 7);
    memset(b, 0, 64);
    SHOW(read(c->res, b, 64));
    STR(b);
    seen(&r);
    close(w);
    unlink("fifo");
}

int main(void) {
    r = open_ring(8, 0);
    no_room();
    drains();
    chains();
    counted();
    fifo();
    return 0;
}

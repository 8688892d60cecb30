#include "uring.h"

static struct ring r;
static char b[64], c[64];

static void files(void) {
    int fd = MUST(open("file", O_RDWR | O_CREAT | O_TRUNC, 0644));
    add(&r, WRITE, fd, "hello world", 11, 0, 1);
    go(&r, 1);
    add(&r, READ, fd, b, 64, 6, 2);
    go(&r, 1);
    STR(b);
    struct iovec v[2] = {{b, 3}, {c, 20}};
    memset(b, 0, 64);
    add(&r, READV, fd, v, 2, 0, 3);
    go(&r, 1);
    printf("%.3s %s\n", b, c);
    struct iovec w[2] = {{"ab", 2}, {"cd", 2}};
    add(&r, WRITEV, fd, w, 2, 11, 4);
    go(&r, 1);
    add(&r, READ, fd, b, 5, -1, 5);
    add(&r, READ, fd, b, 5, -1, 6);
    go(&r, 2);
    VAL(lseek(fd, 0, SEEK_CUR));
    add(&r, READ, fd, b, 5, 1000, 7);
    add(&r, READ, fd, BAD, 5, 0, 8);
    add(&r, READV, fd, BAD, 2, 0, 9);
    go(&r, 0);
    add(&r, READV, fd, v, 2000, 0, 10);
    go(&r, 0);
    add(&r, READ, 99, b, 5, 0, 11);
    add(&r, READ, fd, b, 5, -2, 12);
    add(&r, READ, fd, b, 5, 0, 13)->op_flags = 0x1000;
    go(&r, 3);
    int wo = MUST(open("file", O_WRONLY | O_APPEND)), dir = MUST(open(".", O_RDONLY)), path = MUST(open(".", O_PATH));
    add(&r, READ, wo, b, 5, 0, 14);
    add(&r, READ, path, b, 5, 0, 16);
    go(&r, 2);
    add(&r, WRITE, wo, "end", 3, 0, 17);
    go(&r, 1);
    add(&r, READ, dir, b, 5, 0, 15);
    go(&r, 1);
    add(&r, FSYNC, wo, NULL, 0, 0, 18);
    go(&r, 1);
    add(&r, FSYNC, wo, NULL, 0, 0, 19)->op_flags = 1;
    go(&r, 1);
    VAL(lseek(fd, 0, SEEK_END));
    add(&r, WRITE, fd, "last", 4, 0, 20)->op_flags = 0x10;
    go(&r, 1);
    VAL(lseek(fd, 0, SEEK_END));
    add(&r, FSYNC, fd, NULL, 0, 0, 21)->op_flags = 2;
    go(&r, 0);
    add(&r, FSYNC, fd, b, 0, 0, 22);
    go(&r, 0);
    close(wo), close(dir), close(path), close(fd);
}

static void pipes(void) {
    int p[2];
    MUST(pipe(p));
    add(&r, READ, p[0], b, 64, 0, 30);
    go(&r, 0);
    write(p[1], "late", 4);
    SHOW(uring_enter(r.fd, 0, 1, GETEVENTS, NULL, 8));
    completions(&r, 1);
    fcntl(p[0], F_SETFL, O_NONBLOCK);
    add(&r, READ, p[0], b, 64, -1, 31);
    add(&r, READ, p[0], b, 64, 0, 32)->op_flags = 8;
    go(&r, 1);
    add(&r, WRITE, p[1], "two", 3, 77, 33);
    go(&r, 2);
    add(&r, FSYNC, p[1], NULL, 0, 0, 34);
    go(&r, 1);
    add(&r, READ, p[1], b, 64, 0, 35);
    add(&r, READ, p[0], b, 64, 0, 36)->flags = ASYNC;
    go(&r, 1);
    close(p[1]);
    SHOW(uring_enter(r.fd, 0, 1, GETEVENTS, NULL, 8));
    completions(&r, 1);
    close(p[0]);
    /* a write that finds some room only, and one that finds none */
    MUST(pipe(p));
    fcntl(p[1], F_SETPIPE_SZ, 4096);
    static char big[10000];
    add(&r, WRITE, p[1], big, sizeof big, 0, 37);
    add(&r, WRITE, p[1], big, 100, 0, 38);
    go(&r, 1);
    SHOW(read(p[0], big, 4096));
    SHOW(uring_enter(r.fd, 0, 1, GETEVENTS, NULL, 8));
    completions(&r, 1);
    signal(SIGPIPE, SIG_IGN);
    close(p[0]);
    add(&r, WRITE, p[1], big, 100, 0, 39);
    go(&r, 1);
    close(p[1]);
    int e = MUST(eventfd(0, 0));
    uint64_t one = 1;
    add(&r, READ, e, b, 8, 0, 40);
    add(&r, READ, e, b, 4, 0, 41);
    add(&r, WRITE, e, &one, 8, 0, 42);
    go(&r, 3);
    close(e);
}

static void bad(void) {
    add(&r, NOP, -1, NULL, 0, 0, 50);
    add(&r, 200, -1, NULL, 0, 0, 51);
    add(&r, NOP, -1, NULL, 0, 0, 52);
    go(&r, 0);
    SHOW(uring_enter(r.fd, 1, 1, GETEVENTS, NULL, 8));
    completions(&r, 1);
    add(&r, NOP, -1, NULL, 0, 0, 53)->flags = 0x80;
    go(&r, 0);
    add(&r, NOP, -1, NULL, 0, 0, 54)->ioprio = 1;
    go(&r, 0);
    add(&r, NOP, -1, NULL, 0, 0, 55)->personality = 1;
    go(&r, 0);
    add(&r, WRITE, 1, "", 0, 0, 56)->flags = BUFFER_SELECT;
    go(&r, 0);
    add(&r, NOP, -1, NULL, 0, 0, 57)->flags = SKIP_SUCCESS;
    add(&r, READ, 99, b, 1, 0, 58)->flags = SKIP_SUCCESS;
    go(&r, 1);
    /* an index that is none */
    add(&r, NOP, -1, NULL, 0, 0, 59);
    add(&r, NOP, -1, NULL, 0, 0, 60);
    ((unsigned *)(r.rings + r.p.sq.word[6]))[(r.tail - 2) & (r.p.sq_entries - 1)] = 1000;
    go(&r, 0);
    VAL(SQ_DROPPED(&r));
    SHOW(uring_enter(r.fd, 1, 0, 0, NULL, 8));
    completions(&r, 0);
    struct ring all = open_ring(8, S_SUBMIT_ALL);
    add(&all, 200, -1, NULL, 0, 0, 61);
    add(&all, NOP, -1, NULL, 0, 0, 62);
    go(&all, 2);
    close(all.fd);
}

static void overflow(void) {
    struct ring o = open_ring(2, 0);
    for (int i = 0; i < 5; i++) {
        add(&o, NOP, -1, NULL, 0, 0, 2 * i);
        add(&o, NOP, -1, NULL, 0, 0, 2 * i + 1);
        submit(&o, 0);
    }
    VAL(SQ_FLAGS(&o) & 2), VAL(CQ_OVERFLOW(&o));
    struct pollfd p = {o.fd, POLLIN | POLLOUT};
    SHOW(poll(&p, 1, 0));
    VAL(p.revents);
    for (int i = 0; i < 3; i++) {
        completions(&o, 0);
        SHOW(uring_enter(o.fd, 0, 0, GETEVENTS, NULL, 8));
    }
    completions(&o, 0);
    VAL(SQ_FLAGS(&o) & 2);
    close(o.fd);
}

static void sizes(void) {
    struct ring s = open_ring(4, S_SQE128 | S_CQE32 | S_NO_SQARRAY);
    for (int i = 0; i < 6; i++) add(&s, i & 1 ? READ : NOP, 99, b, 1, 0, 70 + i), go(&s, 1);
    close(s.fd);
}

int main(void) {
    r = open_ring(8, 0);
    add(&r, NOP, -1, NULL, 0, 0, 0x123456789abcdefULL);
    go(&r, 1);
    for (int i = 0; i < 8; i++) add(&r, NOP, -1, NULL, 0, 0, i);
    go(&r, 8);
    VAL(SQ_HEAD(&r)), VAL(SQ_TAIL(&r)), VAL(CQ_TAIL(&r));
    files();
    pipes();
    bad();
    overflow();
    sizes();
    return 0;
}

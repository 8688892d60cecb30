#include "t.h"
#include <linux/aio_abi.h>

static long setup(unsigned n, aio_context_t *c) { return syscall(SYS_io_setup, n, c); }
static long destroy(aio_context_t c) { return syscall(SYS_io_destroy, c); }
static long submit(aio_context_t c, long n, struct iocb **v) { return syscall(SYS_io_submit, c, n, v); }
static long cancel(aio_context_t c, struct iocb *b) {
    struct io_event e;
    return syscall(SYS_io_cancel, c, b, &e);
}
static long get(aio_context_t c, long min, long n, struct io_event *e, struct timespec *t) {
    return syscall(SYS_io_getevents, c, min, n, e, t);
}
static aio_context_t ctx;
static struct io_event ev[64];
static struct timespec zero = {0, 0}, soon = {0, 5 * MS};

static void fetch(long min) {
    memset(ev, 0, sizeof ev);
    long n = get(ctx, min, 64, ev, min ? NULL : &zero);
    printf("events %ld\n", n);
    for (long i = 0; i < n; i++) printf("  data %llu res %lld %s res2 %lld\n", ev[i].data, ev[i].res, ev[i].res < 0 ? ename(-ev[i].res) : "", ev[i].res2);
}
static long one(struct iocb *b) {
    struct iocb *v[1] = {b};
    return submit(ctx, 1, v);
}
static struct iocb block(int op, int fd, void *p, size_t n, long at) {
    static int serial;
    return (struct iocb){.aio_data = ++serial, .aio_lio_opcode = op, .aio_fildes = fd, .aio_buf = (uintptr_t)p, .aio_nbytes = n, .aio_offset = at};
}
static void *late_write(void *arg) {
    nap(5);
    write(*(int *)arg, "late", 4);
    return NULL;
}
static void nothing(int n) {}

int main(void) {
    char b[64] = {0};
    int p[2];
    SHOW(setup(0, &ctx));
    SHOW(setup(1, BAD));
    SHOW(setup(0x7fffffff, &ctx));
    SHOW(setup(60000000 / 8, &ctx));
    ctx = 1;
    SHOW(setup(1, &ctx));
    ctx = 0;
    SHOW(setup(16, &ctx));
    VAL(ctx != 0);
    SHOW(get(ctx + 4096, 0, 1, ev, &zero));
    SHOW(get(ctx, 2, 1, ev, &zero));
    SHOW(get(ctx, -1, 1, ev, &zero));
    SHOW(get(ctx, 0, 0, ev, &zero));
    SHOW(get(ctx, 1, 1, ev, BAD));
    SHOW(get(ctx, 1, 1, ev, &zero));
    SHOW(get(ctx, 1, 1, ev, &soon));
    SHOW(submit(ctx, 0, NULL));
    SHOW(submit(ctx, -1, NULL));
    SHOW(submit(ctx, 1, BAD));
    SHOW(submit(0, 1, NULL));
    struct iocb *wild[1] = {BAD};
    SHOW(submit(ctx, 1, wild));

    int fd = MUST(open("f", O_RDWR | O_CREAT, 0644));
    struct iocb w = block(IOCB_CMD_PWRITE, fd, "hello world", 11, 0);
    struct iocb r = block(IOCB_CMD_PREAD, fd, b, 5, 6);
    struct iocb *both[2] = {&w, &r};
    SHOW(submit(ctx, 2, both));
    fetch(2);
    STR(b);
    struct iovec iov[2] = {{b, 2}, {b + 10, 20}};
    struct iocb v = block(IOCB_CMD_PREADV, fd, iov, 2, 1);
    SHOW(one(&v));
    fetch(1);
    STR(b + 10);
    struct iovec out[2] = {{"XY", 2}, {"Z", 1}};
    v = block(IOCB_CMD_PWRITEV, fd, out, 2, 3);
    SHOW(one(&v));
    fetch(1);
    v = block(IOCB_CMD_FSYNC, fd, 0, 0, 0);
    SHOW(one(&v));
    fetch(1);
    v = block(IOCB_CMD_FDSYNC, fd, 0, 0, 0);
    SHOW(one(&v));
    fetch(1);
    v = block(IOCB_CMD_FSYNC, fd, 0, 4, 0);
    SHOW(one(&v));
    v = block(IOCB_CMD_NOOP, fd, 0, 0, 0);
    SHOW(one(&v));
    v = block(77, fd, 0, 0, 0);
    SHOW(one(&v));
    v = block(IOCB_CMD_PREAD, 99, b, 5, 0);
    SHOW(one(&v));
    v = block(IOCB_CMD_PREAD, fd, b, 5, -1);
    SHOW(one(&v));
    v = block(IOCB_CMD_PREAD, fd, b, (size_t)-1, 0);
    SHOW(one(&v));
    v = block(IOCB_CMD_PREADV, fd, BAD, 2, 0);
    SHOW(one(&v));
    v = block(IOCB_CMD_PREADV, fd, iov, 5000, 0);
    SHOW(one(&v));
    v = block(IOCB_CMD_PREAD, fd, BAD, 5, 0);
    SHOW(one(&v));
    v = block(IOCB_CMD_PREAD, fd, b, 5, 1000);
    SHOW(one(&v));
    v = block(IOCB_CMD_PREAD, fd, b, 0, 0);
    SHOW(one(&v));
    fetch(3);
    v = block(IOCB_CMD_PWRITE, fd, "end", 3, 0);
    v.aio_rw_flags = 0x10; /* RWF_APPEND */
    SHOW(one(&v));
    v.aio_rw_flags = 0x8000;
    SHOW(one(&v));
    v.aio_rw_flags = 0;
    v.aio_reserved2 = 1;
    SHOW(one(&v));
    fetch(1);
    int ro = MUST(open("f", O_RDONLY));
    v = block(IOCB_CMD_PWRITE, ro, "end", 3, 0);
    SHOW(one(&v));
    int dir = MUST(open(".", O_RDONLY));
    v = block(IOCB_CMD_FSYNC, dir, 0, 0, 0);
    SHOW(one(&v));
    fetch(1);
    show_file("f");

    /* eventfd, pipes, polls */
    int e = MUST(eventfd(0, EFD_NONBLOCK));
    v = block(IOCB_CMD_PREAD, fd, b, 5, 0);
    v.aio_flags = IOCB_FLAG_RESFD;
    v.aio_resfd = fd;
    SHOW(one(&v));
    v.aio_resfd = 99;
    SHOW(one(&v));
    v.aio_resfd = e;
    SHOW(one(&v));
    SHOW(one(&v));
    uint64_t count = 0;
    SHOW(read(e, &count, 8));
    VAL(count);
    fetch(2);
    MUST(pipe(p));
    v = block(IOCB_CMD_PWRITE, p[1], "abc", 3, 0);
    SHOW(one(&v));
    v = block(IOCB_CMD_PREAD, p[0], b, 10, 0);
    SHOW(one(&v));
    fetch(2);
    v = block(IOCB_CMD_FSYNC, p[0], 0, 0, 0);
    SHOW(one(&v));
    struct iocb poll = block(IOCB_CMD_POLL, p[0], (void *)POLLIN, 0, 0);
    poll.aio_flags = IOCB_FLAG_RESFD;
    poll.aio_resfd = e;
    SHOW(one(&poll));
    fetch(0);
    SHOW(cancel(ctx, &v));
    SHOW(cancel(ctx, BAD));
    SHOW(cancel(ctx, &poll));
    fetch(1);
    SHOW(cancel(ctx, &poll));
    SHOW(one(&poll));
    pthread_t th;
    pthread_create(&th, NULL, late_write, &p[1]);
    /* Linux adds what else the wake-up was for. */
    SHOW(get(ctx, 1, 64, ev, NULL));
    VAL(ev[0].res & (POLLIN | POLLOUT | POLLHUP));
    pthread_join(th, NULL);
    SHOW(read(e, &count, 8));
    VAL(count);
    SHOW(one(&poll));
    fetch(1);
    SHOW(read(p[0], b, 4));
    poll = block(IOCB_CMD_POLL, fd, (void *)(POLLIN | POLLOUT), 0, 0);
    SHOW(one(&poll));
    fetch(1);
    poll = block(IOCB_CMD_POLL, fd, (void *)POLLPRI, 0, 0);
    SHOW(one(&poll));
    poll = block(IOCB_CMD_POLL, p[0], (void *)0x10000, 0, 0);
    SHOW(one(&poll));
    poll = block(IOCB_CMD_POLL, p[0], (void *)POLLIN, 1, 0);
    SHOW(one(&poll));
    poll = block(IOCB_CMD_POLL, p[0], (void *)POLLIN, 0, 0);
    SHOW(one(&poll));
    close(p[1]);
    SHOW(get(ctx, 1, 64, ev, NULL));
    VAL(ev[0].res & (POLLIN | POLLOUT | POLLHUP));

    /* Signals */
    struct itimerval quick = {{0, 0}, {0, 5000}};
    handle(SIGALRM, nothing, SA_RESTART);
    setitimer(ITIMER_REAL, &quick, NULL);
    SHOW(get(ctx, 1, 1, ev, NULL));
    sigset_t none;
    sigemptyset(&none);
    struct { void *p; size_t n; } mask = {&none, 8}, odd = {&none, 9};
    SHOW(syscall(SYS_io_pgetevents, ctx, 1, 1, ev, NULL, &odd));
    SHOW(syscall(SYS_io_pgetevents, ctx, 0, 1, ev, NULL, BAD));
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    sigprocmask(SIG_BLOCK, &alarm, NULL);
    setitimer(ITIMER_REAL, &quick, NULL);
    SHOW(syscall(SYS_io_pgetevents, ctx, 1, 1, ev, NULL, &mask));

    /* A child has no context; the parent's is gone after io_destroy. */
    pid_t child = fork();
    if (!child) _exit(get(ctx, 0, 1, ev, &zero) == -1 ? errno : 0);
    reap(child);
    SHOW(destroy(ctx));
    SHOW(destroy(ctx));
    SHOW(one(&v));
    return 0;
}

#include "uring.h"
#include <linux/openat2.h>

static struct ring r;
static char b[64];

static int one(void) {
    struct cqe *c;
    MUST(submit(&r, 1));
    while (!(c = peek(&r))) MUST(uring_enter(r.fd, 0, 1, GETEVENTS, NULL, 8));
    int res = c->res;
    printf("  %llu: %s\n", (long long)c->user_data, res < 0 ? ename(-res) : "ok");
    seen(&r);
    return res;
}
static void names(void) {
    add(&r, MKDIRAT, AT_FDCWD, "dir", 0755, 0, 1), one();
    add(&r, MKDIRAT, AT_FDCWD, "dir", 0755, 0, 2), one();
    add(&r, OPENAT, AT_FDCWD, "dir/a", 0644, 0, 3)->op_flags = O_RDWR | O_CREAT;
    int fd = one();
    add(&r, WRITE, fd, "text", 4, 0, 4), one();
    add(&r, FALLOCATE, fd, (void *)8192, 0, 0, 5), one();
    struct statx x;
    struct sqe *s = add(&r, STATX, AT_FDCWD, "dir/a", STATX_SIZE, (uintptr_t)&x, 6);
    one();
    VAL(x.stx_size);
    add(&r, STATX, fd, "", STATX_SIZE, (uintptr_t)&x, 7)->op_flags = AT_EMPTY_PATH, one();
    add(&r, FADVISE, fd, NULL, 10, 0, 8)->op_flags = 1, one();
    add(&r, FADVISE, fd, NULL, 10, 0, 9)->op_flags = 77, one();
    add(&r, SYNC_FILE_RANGE, fd, NULL, 4, 0, 10), one();
    add(&r, CLOSE, fd, NULL, 0, 0, 11), one();
    add(&r, CLOSE, fd, NULL, 0, 0, 12), one();
    add(&r, CLOSE, r.fd, NULL, 0, 0, 13), one();
    add(&r, RENAMEAT, AT_FDCWD, "dir/a", AT_FDCWD, (uintptr_t) "dir/b", 14), one();
    add(&r, SYMLINKAT, AT_FDCWD, "b", 0, (uintptr_t) "dir/link", 15), one();
    add(&r, LINKAT, AT_FDCWD, "dir/b", AT_FDCWD, (uintptr_t) "dir/c", 16), one();
    add(&r, UNLINKAT, AT_FDCWD, "dir/b", 0, 0, 17), one();
    add(&r, UNLINKAT, AT_FDCWD, "dir", 0, 0, 18)->op_flags = AT_REMOVEDIR, one();
    add(&r, UNLINKAT, AT_FDCWD, "dir", 0, 0, 19)->op_flags = 1, one();
    add(&r, OPENAT, AT_FDCWD, "none", 0, 0, 20), one();
    add(&r, OPENAT, AT_FDCWD, "", 0, 0, 21), one();
    add(&r, OPENAT, AT_FDCWD, BAD, 0, 0, 22), one();
    struct open_how how = {O_RDONLY | O_CLOEXEC, 0, RESOLVE_BENEATH};
    add(&r, OPENAT2, AT_FDCWD, "dir/c", sizeof how, (uintptr_t)&how, 23);
    fd = one();
    VAL(fcntl(fd, F_GETFD));
    close(fd);
    add(&r, OPENAT2, AT_FDCWD, "/etc", sizeof how, (uintptr_t)&how, 24), one();
    add(&r, OPENAT2, AT_FDCWD, "dir/c", 8, (uintptr_t)&how, 25), one();
    how.mode = 0700;
    add(&r, OPENAT2, AT_FDCWD, "dir/c", sizeof how, (uintptr_t)&how, 26), one();
    /* a name is fetched at once */
    char name[16] = "dir/d";
    int p[2];
    MUST(pipe(p));
    add(&r, READ, p[0], b, 1, 0, 27)->flags = LINK;
    add(&r, OPENAT, AT_FDCWD, name, 0600, 0, 28)->op_flags = O_CREAT | O_RDWR;
    submit(&r, 0);
    strcpy(name, "dir/wrong");
    write(p[1], "x", 1);
    one(), one();
    close(p[0]), close(p[1]);
}
static void splices(void) {
    int p[2], q[2], fd = MUST(open("dir/c", O_RDWR));
    MUST(pipe(p)), MUST(pipe(q));
    struct sqe *s = add(&r, SPLICE, p[1], (void *)0, 4, -1, 30);
    s->file_index = fd;
    VAL(one());
    s = add(&r, TEE, q[1], NULL, 100, 0, 31);
    s->file_index = p[0];
    VAL(one());
    s = add(&r, SPLICE, fd, (void *)-1, 4, 100, 32);
    s->file_index = p[0];
    VAL(one());
    VAL(lseek(fd, 0, SEEK_CUR));
    s = add(&r, SPLICE, fd, (void *)5, 4, 100, 33);
    s->file_index = q[0];
    VAL(one());
    s = add(&r, SPLICE, p[1], (void *)-1, 4, -1, 34);
    s->file_index = 99;
    VAL(one());
    close(fd), close(p[0]), close(p[1]), close(q[0]), close(q[1]);
}
static void watches(void) {
    int ep = MUST(epoll_create1(0)), e = MUST(eventfd(1, 0));
    struct epoll_event ev = {.events = EPOLLIN, .data.u32 = 5}, out = {0};
    add(&r, EPOLL_CTL, ep, &ev, EPOLL_CTL_ADD, e, 40), one();
    add(&r, EPOLL_CTL, ep, &ev, EPOLL_CTL_ADD, e, 41), one();
    SHOW(epoll_wait(ep, &out, 1, 0));
    VAL(out.data.u32);
    add(&r, EPOLL_CTL, ep, NULL, EPOLL_CTL_DEL, e, 42), one();
    add(&r, EPOLL_CTL, ep, NULL, EPOLL_CTL_DEL, e, 43), one();
    close(ep), close(e);
}
static void registered(void) {
    int fds[3] = {MUST(open("dir/c", O_RDWR)), -1, 0}, bad[2] = {0, 99};
    SHOW(uring_register(r.fd, 2, bad, 2));
    SHOW(uring_register(r.fd, 2, &r.fd, 1));
    SHOW(uring_register(r.fd, 2, fds, 3));
    SHOW(uring_register(r.fd, 2, fds, 3));
    add(&r, READ, 0, b, 4, 0, 50)->flags = FIXED_FILE;
    VAL(one());
    add(&r, READ, 1, b, 4, 0, 51)->flags = FIXED_FILE, one();
    add(&r, READ, 7, b, 4, 0, 52)->flags = FIXED_FILE, one();
    struct sqe *s = add(&r, OPENAT, AT_FDCWD, "dir/d", 0, 0, 53);
    s->file_index = 2;
    VAL(one());
    add(&r, WRITE, 1, "x", 1, 0, 54)->flags = FIXED_FILE, one();
    s = add(&r, OPENAT, AT_FDCWD, "dir/d", 0, 0, 55);
    s->file_index = 77;
    one();
    s = add(&r, OPENAT, AT_FDCWD, "dir/d", 0, 0, 56);
    s->file_index = -1;
    one();
    add(&r, CLOSE, 0, NULL, 0, 0, 57)->file_index = 2, one();
    s = add(&r, OPENAT, AT_FDCWD, "dir/d", 0, 0, 58);
    s->file_index = -1;
    VAL(one());
    add(&r, CLOSE, 0, NULL, 0, 0, 59)->file_index = 2, one();
    add(&r, CLOSE, 0, NULL, 0, 0, 60)->file_index = 2, one();
    int update[2] = {0, -1};
    add(&r, FILES_UPDATE, -1, update, 2, 1, 61);
    VAL(one());
    struct {
        uint32_t offset, resv;
        uint64_t data;
    } u = {2, 0, (uintptr_t)update}, w = {3, 0, (uintptr_t)update};
    SHOW(uring_register(r.fd, 6, &u, 1));
    SHOW(uring_register(r.fd, 6, &w, 1));
    SHOW(uring_register(r.fd, 3, NULL, 0));
    SHOW(uring_register(r.fd, 3, NULL, 0));
    struct {
        uint32_t nr, flags;
        uint64_t resv, data, tags;
    } sparse = {4, 1};
    SHOW(uring_register(r.fd, 13, &sparse, 8));
    SHOW(uring_register(r.fd, 13, &sparse, sizeof sparse));
    add(&r, READ, 0, b, 4, 0, 63)->flags = FIXED_FILE, one();
    int some[3] = {fds[0], fds[0], 99};
    add(&r, FILES_UPDATE, -1, some, 3, 0xffffffff, 64);
    VAL(one());
    VAL(some[0]), VAL(some[1]), VAL(some[2]);
    add(&r, READ, 1, b, 4, 0, 65)->flags = FIXED_FILE, one();
    SHOW(uring_register(r.fd, 3, NULL, 0));
    add(&r, READ, 0, b, 4, 0, 62)->flags = FIXED_FILE, one();

    static char mem[8192];
    struct iovec v[2] = {{mem, 100}, {mem + 4000, 4000}};
    SHOW(uring_register(r.fd, 0, v, 2));
    SHOW(uring_register(r.fd, 0, v, 2));
    strcpy(mem, "fixed");
    add(&r, WRITE_FIXED, fds[0], mem, 5, 0, 70);
    VAL(one());
    s = add(&r, READ_FIXED, fds[0], mem + 4000, 5, 0, 71);
    s->buf_index = 1;
    VAL(one());
    STR(mem + 4000);
    add(&r, READ_FIXED, fds[0], mem + 98, 5, 0, 72), one();
    add(&r, READ_FIXED, fds[0], mem, 5, 0, 73)->buf_index = 5, one();
    SHOW(uring_register(r.fd, 1, NULL, 0));
    SHOW(uring_register(r.fd, 1, NULL, 0));
    v[0].iov_base = BAD;
    SHOW(uring_register(r.fd, 0, v, 1));
    SHOW(uring_register(r.fd, 0, v, 0));
    SHOW(uring_register(r.fd, 77, NULL, 0));
    SHOW(uring_register(0, 0, NULL, 0));
    close(fds[0]);
}
static void rings(void) {
    struct ring o = open_ring(4, 0);
    add(&r, MSG_RING, o.fd, NULL, 123, 456, 80), one();
    completions(&o, 0);
    add(&r, MSG_RING, 0, NULL, 123, 456, 81), one();
    struct {
        uint32_t offset, resv;
        uint64_t data;
    } u[2] = {{-1, 0, r.fd}, {5, 0, o.fd}};
    SHOW(uring_register(r.fd, 20, u, 2));
    VAL(u[0].offset), VAL(u[1].offset);
    SHOW(uring_register(r.fd, 20, u + 1, 1));
    add(&o, NOP, -1, NULL, 0, 0, 82);
    SHOW(uring_enter(5, 1, 1, GETEVENTS | REGISTERED_RING, NULL, 8));
    completions(&o, 0);
    SHOW(uring_enter(6, 1, 1, GETEVENTS | REGISTERED_RING, NULL, 8));
    u[0].data = u[1].data = 0;
    SHOW(uring_register(r.fd, 21, u, 2));
    SHOW(uring_enter(5, 1, 1, GETEVENTS | REGISTERED_RING, NULL, 8));
    close(o.fd);
    int id = OK(uring_register(r.fd, 9, NULL, 0));
    add(&r, NOP, -1, NULL, 0, 0, 83)->personality = id, one();
    SHOW(uring_register(r.fd, 10, NULL, id));
    SHOW(uring_register(r.fd, 10, NULL, id));
    /* what a ring may not do */
    struct ring d = open_ring(4, S_R_DISABLED);
    struct {
        uint16_t opcode;
        uint8_t value, resv;
        uint32_t resv2[3];
    } rule[3] = {{1, NOP}, {0, 12}, {2, LINK}};
    SHOW(uring_register(d.fd, 11, rule, 3));
    SHOW(uring_register(d.fd, 11, rule, 3));
    SHOW(uring_register(d.fd, 12, NULL, 0));
    add(&d, NOP, -1, NULL, 0, 0, 84)->flags = LINK;
    add(&d, NOP, -1, NULL, 0, 0, 85);
    go(&d, 2);
    add(&d, NOP, -1, NULL, 0, 0, 86)->flags = ASYNC;
    go(&d, 1);
    add(&d, READ, 0, b, 1, 0, 87);
    go(&d, 1);
    SHOW(uring_register(d.fd, 2, &d.fd, 1));
    close(d.fd);
}

static void advice(void) {
    char *m = MUST(mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    memset(m, 'x', 16384);
    add(&r, MADVISE, -1, m, 4096, 0, 90)->op_flags = MADV_DONTNEED, one();
    VAL(m[0]), VAL(m[4096]);
    add(&r, MADVISE, -1, m, 8192, 0, 91)->op_flags = MADV_RANDOM, one();
    add(&r, MADVISE, -1, m + 1, 4096, 0, 92)->op_flags = MADV_DONTNEED, one();
    add(&r, MADVISE, -1, m, 4096, 0, 93)->op_flags = 999, one();
    add(&r, NOP, -1, NULL, 0, 0, 94)->flags = LINK;
    add(&r, MADVISE, -1, m + 4096, 4096, 0, 95)->op_flags = MADV_DONTNEED;
    one(), one();
    VAL(m[4096]);
    int p[2];
    MUST(pipe(p));
    add(&r, READ, p[0], b, 1, 0, 96)->flags = LINK;
    add(&r, MADVISE, -1, m + 8192, 4096, 0, 97)->op_flags = MADV_DONTNEED;
    MUST(submit(&r, 0));
    write(p[1], "x", 1);
    one(), one();
    VAL(m[8192]);
    munmap(m, 4096);
    add(&r, MADVISE, -1, m, 8192, 0, 98)->op_flags = MADV_DONTNEED, one();
    close(p[0]), close(p[1]);
}

int main(void) {
    r = open_ring(8, 0);
    umask(022);
    names();
    splices();
    watches();
    registered();
    rings();
    advice();
    return 0;
}

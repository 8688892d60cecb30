/* What io_uring_register(2) takes beside files and buffers in one piece: workers, sparse and changed buffers; commands of sockets;
   polling what cannot be polled; operations whose arguments are wrong in more than one way. */
#include "uring.h"

static char buf[65536] __attribute__((aligned(4096)));

struct rsrc {
    uint32_t nr, flags;
    uint64_t resv, data, tags;
};
struct rsrc_update {
    uint32_t offset, resv;
    uint64_t data, tags;
    uint32_t nr, resv2;
};

static void workers(void) {
    struct ring r = open_ring(4, 0);
    unsigned v[2] = {0, 0}, mask[32] = {1};
    printf("%ld", uring_register(r.fd, 19, v, 2));
    printf(" %u %d\n", v[0], v[1] != 0);
    v[0] = 7, v[1] = 9;
    SHOW(uring_register(r.fd, 19, v, 2));
    v[0] = 0, v[1] = 5;
    SHOW(uring_register(r.fd, 19, v, 2)), printf("%u %u\n", v[0], v[1]);
    v[0] = v[1] = 0;
    SHOW(uring_register(r.fd, 19, v, 2)), printf("%u %u\n", v[0], v[1]);
    v[0] = 0x80000000;
    SHOW(uring_register(r.fd, 19, v, 2)), SHOW(uring_register(r.fd, 19, v, 1)), SHOW(uring_register(r.fd, 19, NULL, 2));
    SHOW(uring_register(r.fd, 19, BAD, 2));
    SHOW(uring_register(r.fd, 17, mask, 128)), SHOW(uring_register(r.fd, 17, mask, 1)), SHOW(uring_register(r.fd, 17, mask, 0));
    SHOW(uring_register(r.fd, 17, NULL, 8)), SHOW(uring_register(r.fd, 17, BAD, 8));
    SHOW(uring_register(r.fd, 18, NULL, 0)), SHOW(uring_register(r.fd, 18, mask, 0)), SHOW(uring_register(r.fd, 18, NULL, 1));
}

static void read_fixed(struct ring *r, int fd, int index, char *at, int n) {
    memset(buf, '.', 64);
    add(r, READ_FIXED, fd, at, n, 0, index)->buf_index = index;
    go(r, 1);
    printf("%.8s\n", at);
}

static void buffers(void) {
    struct ring r = open_ring(4, 0);
    put("f", "0123456789");
    int fd = MUST(open("f", O_RDONLY));
    struct rsrc s = {.nr = 3, .flags = 1};
    struct iovec v[2] = {{buf, 4096}, {buf + 8192, 100}}, bad[2] = {{buf, 4096}, {BAD, 100}};
    SHOW(uring_register(r.fd, 15, &s, 8)), SHOW(uring_register(r.fd, 15, &s, sizeof s));
    SHOW(uring_register(r.fd, 15, &s, sizeof s));
    read_fixed(&r, fd, 1, buf, 8);
    struct rsrc_update u = {.offset = 1, .data = (uintptr_t)v, .nr = 2};
    SHOW(uring_register(r.fd, 16, &u, sizeof u));
    read_fixed(&r, fd, 1, buf, 8), read_fixed(&r, fd, 2, buf + 8192, 8), read_fixed(&r, fd, 2, buf, 8);
    u.offset = 2, SHOW(uring_register(r.fd, 16, &u, sizeof u));
    u.offset = 0, u.data = (uintptr_t)bad, SHOW(uring_register(r.fd, 16, &u, sizeof u));
    u.nr = 0, SHOW(uring_register(r.fd, 16, &u, sizeof u)), SHOW(uring_register(r.fd, 16, &u, 8));
    SHOW(uring_register(r.fd, 1, NULL, 0)), u.nr = 1, SHOW(uring_register(r.fd, 16, &u, sizeof u));
    s.flags = 0, s.data = (uintptr_t)v, s.nr = 2, SHOW(uring_register(r.fd, 15, &s, sizeof s));
    read_fixed(&r, fd, 0, buf, 8);
    s.flags = 4, SHOW(uring_register(r.fd, 15, &s, sizeof s)), s.flags = 1, SHOW(uring_register(r.fd, 15, &s, sizeof s));
    SHOW(uring_register(r.fd, 0, NULL, 0)), SHOW(uring_register(r.fd, 2, NULL, 1)), SHOW(uring_register(r.fd, 22, NULL, 1));
    uint32_t range[4] = {0};
    SHOW(uring_register(r.fd, 25, range, 0)), range[1] = 1, SHOW(uring_register(r.fd, 25, range, 0));
    range[0] = range[1] = 0xffffffff, SHOW(uring_register(r.fd, 25, range, 0));
}

static void command(struct ring *r, int fd, uint64_t what, unsigned flags) {
    struct sqe *s = add(r, 46, fd, NULL, 0, what, what);
    s->op_flags = flags;
    go(r, 1);
}

static void commands(void) {
    struct ring r = open_ring(4, 0);
    struct sockaddr_in a = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof a;
    int l = MUST(socket(AF_INET, SOCK_STREAM, 0)), c = MUST(socket(AF_INET, SOCK_STREAM, 0)), u = MUST(socket(AF_INET, SOCK_DGRAM, 0)), p[2];
    MUST(bind(l, (void *)&a, n)), MUST(listen(l, 1)), MUST(getsockname(l, (void *)&a, &n)), MUST(connect(c, (void *)&a, n));
    int s = MUST(accept(l, NULL, NULL));
    MUST(send(c, "hello", 5, 0));
    struct pollfd f = {s, POLLIN};
    poll(&f, 1, 5000);
    command(&r, s, 0, 0), command(&r, s, 1, 0), command(&r, c, 0, 0), command(&r, l, 0, 0), command(&r, l, 1, 0), command(&r, u, 0, 0);
    command(&r, s, 99, 0), command(&r, s, 1L << 32, 0), command(&r, s, 0, 0x80000000), command(&r, -1, 0, 0);
    MUST(pipe(p)), command(&r, p[0], 0, 0);
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, p)), command(&r, p[0], 0, 0);
}

static void polls(void) {
    struct ring r = open_ring(4, 0);
    int fds[] = {open("f", O_RDONLY), open(".", O_RDONLY), open("/dev/null", O_RDWR), open("/proc/self/status", O_RDONLY), memfd_create("m", 0)};
    unsigned events[] = {0, POLLIN, POLLOUT, POLLPRI, POLLIN | POLLOUT};
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < 5; k++)
            for (int multi = 0; multi < 2; multi++) {
                if (multi && events[k] & POLLIN) continue;
                add(&r, POLL_ADD, fds[i], NULL, multi, 0, i * 10 + k)->op_flags = events[k];
                go(&r, 1);
            }
}

static void wrong(void) {
    struct ring r = open_ring(4, 0);
    int fd = MUST(open("f", O_RDWR)), e = MUST(eventfd(0, 0)), d = MUST(open(".", O_RDONLY));
    struct sqe *s;
    add(&r, READ, fd, buf, 4, 0, 1)->op_flags = 1 /* RWF_HIPRI */, go(&r, 1);
    add(&r, WRITE, fd, buf, 4, 0, 2)->op_flags = 1, go(&r, 1);
    add(&r, READ, d, buf, 0, 0, 3), go(&r, 1), add(&r, READ, d, buf, 1, 0, 4), go(&r, 1);
    add(&r, WRITE, e, buf, 0, 0, 5), go(&r, 1), add(&r, WRITE, e, buf, 1, 0, 6), go(&r, 1);
    add(&r, LINK_TIMEOUT, 0, NULL, 1, 0, 7), go(&r, 1), add(&r, LINK_TIMEOUT, 0, buf, 1, 0, 8), go(&r, 1);
    s = add(&r, STATX, AT_FDCWD, NULL, -1, (uintptr_t)buf, 9), go(&r, 1);
    s = add(&r, FSETXATTR, 999, NULL, 0, 0, 10), go(&r, 1);
    s = add(&r, FSETXATTR, 999, "user.x", 1, (uintptr_t)buf, 11), go(&r, 1);
    s = add(&r, FSETXATTR, 999, NULL, 0, 0, 12), s->op_flags = 4, go(&r, 1);
    s = add(&r, FGETXATTR, 999, NULL, 0, 0, 13), go(&r, 1);
    s = add(&r, PROVIDE_BUFFERS, 4, buf, 0x40000000, 0, 14), go(&r, 1);
    s = add(&r, 47, fd, buf, 4, 0, 15), s->pad = 1, go(&r, 1);
}

int main(void) {
    workers(), buffers(), commands(), polls(), wrong();
    return 0;
}

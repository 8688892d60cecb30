// private
// SEND_ZC and SENDMSG_ZC with their notifications; extended attributes; cancelling by a call.
#include "uring.h"

enum { SEND_ZC = 47, SENDMSG_ZC = 48 };
static struct ring r;
static char b[256], fixed[4096] __attribute__((aligned(4096)));

static void udp(void) {
    struct sockaddr_in a = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof a;
    int s = MUST(socket(AF_INET, SOCK_DGRAM, 0)), c = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    MUST(bind(s, (void *)&a, sizeof a)), MUST(getsockname(s, (void *)&a, &n));
    struct sqe *e = add(&r, SEND_ZC, c, "hello", 5, (uintptr_t)&a, 1);
    e->file_index = sizeof a;
    go(&r, 2), SHOW(recv(s, b, 64, 0)), printf("%.5s\n", b);
    add(&r, SEND_ZC, c, "none", 4, 0, 2), go(&r, 2); // nobody to send to
    MUST(connect(c, (void *)&a, sizeof a));
    e = add(&r, SEND_ZC, c, "usage", 5, 0, 3), e->ioprio = 8;
    SHOW(submit(&r, 2));
    for (int i = 0; i < 2; i++, seen(&r)) {
        struct cqe *q;
        while (!(q = peek(&r))) MUST(uring_enter(r.fd, 0, 1, GETEVENTS, NULL, 8));
        printf("%x %x\n", q->flags, q->flags & 8 ? q->res & 0x7fffffff : q->res);
    }
    SHOW(recv(s, b, 64, 0));
    struct iovec iov[2] = {{"sc", 2}, {"atter", 5}};
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
    add(&r, SENDMSG_ZC, c, &m, 1, 0, 4), go(&r, 2), SHOW(recv(s, b, 64, 0)), printf("%.7s\n", b);
    struct iovec reg = {fixed, sizeof fixed};
    strcpy(fixed + 100, "fixed");
    SHOW(uring_register(r.fd, 0, &reg, 1));
    e = add(&r, SEND_ZC, c, fixed + 100, 5, 0, 5), e->ioprio = 4, go(&r, 2), SHOW(recv(s, b, 64, 0)), printf("%.5s\n", b);
    e = add(&r, SEND_ZC, c, b, 5, 0, 6), e->ioprio = 4, go(&r, 2);
    e = add(&r, SEND_ZC, c, "x", 1, 0, 7), e->addr3 = 1, go(&r, 1);
    e = add(&r, SEND_ZC, c, "x", 1, 0, 8), e->flags = SKIP_SUCCESS, go(&r, 1);
    e = add(&r, SEND_ZC, c, "x", 1, 0, 9), e->ioprio = 64, go(&r, 2);
    add(&r, SENDMSG_ZC, c, &m, 1, 5, 10), go(&r, 2);
    close(s), close(c);
}
static void others(void) {
    int p[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
    add(&r, SEND_ZC, p[0], "x", 1, 0, 20), go(&r, 2);
    MUST(pipe(p));
    add(&r, SEND_ZC, p[1], "x", 1, 0, 21), go(&r, 2);
    struct sqe *e = add(&r, NOP, -1, NULL, 0, 0, 22);
    e->flags = LINK;
    e = add(&r, READ, 99, b, 1, 0, 23), e->flags = LINK;
    add(&r, SEND_ZC, p[1], "x", 1, 0, 24);
    SHOW(submit(&r, 3)), completions(&r, 0);
}
static void tcp(void) {
    struct sockaddr_in a = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof a;
    int l = MUST(socket(AF_INET, SOCK_STREAM, 0)), c = MUST(socket(AF_INET, SOCK_STREAM, 0));
    MUST(bind(l, (void *)&a, sizeof a)), MUST(listen(l, 1)), MUST(getsockname(l, (void *)&a, &n)), MUST(connect(c, (void *)&a, n));
    int s = MUST(accept(l, 0, 0));
    add(&r, SEND_ZC, c, "stream", 6, 0, 30);
    SHOW(submit(&r, 1)), SHOW(recv(s, b, 6, MSG_WAITALL)), completions(&r, 2), printf("%.6s\n", b);
    close(s), close(c), close(l);
}
static void attributes(void) {
    int fd = MUST(open("file", O_CREAT | O_RDWR, 0600));
    struct sqe *e;
    e = add(&r, FSETXATTR, fd, "user.one", 5, (uintptr_t)"value", 40), go(&r, 1);
    e = add(&r, SETXATTR, 0, "user.two", 3, (uintptr_t)"two", 41), e->addr3 = (uintptr_t)"file", go(&r, 1);
    e = add(&r, SETXATTR, 0, "user.two", 3, (uintptr_t)"new", 42), e->addr3 = (uintptr_t)"file", e->op_flags = 1, go(&r, 1);
    memset(b, 0, sizeof b);
    e = add(&r, FGETXATTR, fd, "user.two", 64, (uintptr_t)b, 43), go(&r, 1), printf("%s\n", b);
    e = add(&r, GETXATTR, 0, "user.one", 64, (uintptr_t)b, 44), e->addr3 = (uintptr_t)"file", go(&r, 1), printf("%s\n", b);
    e = add(&r, GETXATTR, 0, "user.one", 2, (uintptr_t)b, 45), e->addr3 = (uintptr_t)"file", go(&r, 1);
    e = add(&r, GETXATTR, 0, "user.none", 64, (uintptr_t)b, 46), e->addr3 = (uintptr_t)"file", go(&r, 1);
    e = add(&r, GETXATTR, 0, "user.one", 64, (uintptr_t)b, 47), e->addr3 = (uintptr_t)"nothing", go(&r, 1);
    e = add(&r, GETXATTR, 0, "user.one", 64, (uintptr_t)b, 48), e->addr3 = 8, go(&r, 1);
    e = add(&r, FGETXATTR, fd, "user.one", 64, (uintptr_t)b, 49), e->op_flags = 1, go(&r, 1);
    e = add(&r, FSETXATTR, fd, "user.x", 3, (uintptr_t)"abc", 50), e->op_flags = 4, go(&r, 1);
    e = add(&r, FSETXATTR, fd, "user.x", 70000, (uintptr_t)b, 51), go(&r, 1);
    e = add(&r, FGETXATTR, 99, "user.one", 64, (uintptr_t)b, 52), go(&r, 1);
    e = add(&r, FGETXATTR, 0, "user.one", 64, (uintptr_t)b, 53), e->flags = FIXED_FILE, go(&r, 1);
    close(fd);
}
struct sync_cancel { uint64_t addr; int32_t fd; uint32_t flags; int64_t timeout[2]; uint8_t opcode, pad[7]; uint64_t pad2[3]; };
static void cancelling(void) {
    int p[2];
    MUST(pipe(p));
    struct sync_cancel c = {60, -1, 0, {-1, -1}};
    SHOW(uring_register(r.fd, 24, &c, 1)), SHOW(uring_register(r.fd, 24, &c, 2)), SHOW(uring_register(r.fd, 24, (void *)8, 1));
    add(&r, READ, p[0], b, 1, 0, 60), SHOW(submit(&r, 0));
    SHOW(uring_register(r.fd, 24, &c, 1)), completions(&r, 1);
    for (int i = 0; i < 3; i++) add(&r, READ, p[0], b, 1, 0, 61);
    SHOW(submit(&r, 0));
    c.flags = 2 | 1, c.fd = 99, SHOW(uring_register(r.fd, 24, &c, 1)), c.fd = p[1], SHOW(uring_register(r.fd, 24, &c, 1));
    c.fd = p[0], SHOW(uring_register(r.fd, 24, &c, 1)), completions(&r, 3);
    c.flags = 2 | 8, SHOW(uring_register(r.fd, 24, &c, 1)), c.flags = 64, SHOW(uring_register(r.fd, 24, &c, 1));
    c.flags = 0, c.pad[3] = 1, SHOW(uring_register(r.fd, 24, &c, 1)), c.pad[3] = 0, c.pad2[1] = 1, SHOW(uring_register(r.fd, 24, &c, 1));
}
int main(void) {
    r = open_ring(8, 0);
    udp(), others(), tcp(), attributes(), cancelling();
    return 0;
}

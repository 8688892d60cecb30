#include "t.h"

static int pass(int s, int fd, const char *text) {
    char c[CMSG_SPACE(sizeof fd)] = {0};
    struct iovec v = {(void *)text, strlen(text)};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof c};
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET, h->cmsg_type = SCM_RIGHTS, h->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(h), &fd, sizeof fd);
    return sendmsg(s, &m, 0);
}
static int take(int s, int room, int flags, int *fd) {
    char c[256] = {0}, b[32] = {0};
    struct iovec v = {b, sizeof b};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = room};
    int n = recvmsg(s, &m, flags);
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    printf("got %d '%s' flags %x control %d\n", n, b, m.msg_flags, (int)m.msg_controllen);
    if (h && h->cmsg_type == SCM_RIGHTS) memcpy(fd, CMSG_DATA(h), sizeof *fd);
    return n;
}
int main(void) {
    int sv[2], p[2], fd = -1;
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, sv)), MUST(pipe(p));
    SHOW(pass(sv[0], p[1], "pipe"));
    SHOW(pass(sv[0], 99, "bad"));
    SHOW(pass(sv[0], p[0], "other"));
    take(sv[1], 64, MSG_CMSG_CLOEXEC, &fd);
    SHOW(write(fd, "via", 3));
    SHOW(fcntl(fd, F_GETFD));
    char b[8];
    SHOW(read(p[0], b, 8));
    take(sv[1], 64, 0, &fd);
    SHOW(fcntl(fd, F_GETFD));
    pass(sv[0], p[0], "small");
    take(sv[1], 10, 0, &fd);
    pass(sv[0], sv[1], "self");
    close(sv[1]);
    close(p[0]), close(fd);
    signal(SIGPIPE, SIG_IGN);
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, sv));
    int q[2];
    MUST(pipe(q));
    pass(sv[0], q[0], "in flight");
    close(q[0]);
    SHOW(write(q[1], "kept", 4));
    close(sv[0]), close(sv[1]);
    SHOW(write(q[1], "gone", 4));
    return 0;
}

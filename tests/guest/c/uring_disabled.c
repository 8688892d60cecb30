// private
#include "uring.h"
/* kernel.io_uring_disabled, and rings in messages. The host's is not changed: natively only what must fail is written. */

int main(void) {
    int fd = OK(open("/proc/sys/kernel/io_uring_disabled", O_RDWR));
    char b[16] = {0};
    SHOW(read(fd, b, 16));
    STR(b);
    SHOW(pwrite(fd, "3\n", 2, 0));
    SHOW(pwrite(fd, "-1\n", 3, 0));
    SHOW(pwrite(fd, "x\n", 2, 0));
    struct ring r = open_ring(4, 0);
    int s[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    union {
        char room[CMSG_SPACE(4)];
        struct cmsghdr h;
    } c = {.h = {CMSG_LEN(4), SOL_SOCKET, SCM_RIGHTS}};
    *(int *)CMSG_DATA(&c.h) = r.fd;
    struct iovec v = {"x", 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c};
    SHOW(sendmsg(s[0], &m, 0));
    return 0;
}

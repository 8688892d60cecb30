#include "t.h"

int main(void) {
    int sv[2], on = 1;
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, sv));
    SHOW(setsockopt(sv[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    MUST(write(sv[0], "x", 1));
    char c[256], b[4];
    struct iovec v = {b, 4};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof c};
    SHOW(recvmsg(sv[1], &m, 0));
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    struct ucred u, got;
    memcpy(&u, CMSG_DATA(h), sizeof u);
    printf("level %d type %d pid %d uid %d gid %d\n", h->cmsg_level, h->cmsg_type, u.pid == getpid(), u.uid, u.gid);
    memset(c, 0, sizeof c);
    m.msg_controllen = CMSG_SPACE(sizeof u);
    h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET, h->cmsg_type = SCM_CREDENTIALS, h->cmsg_len = CMSG_LEN(sizeof u);
    u = (struct ucred){getpid(), 1000, 1000};
    memcpy(CMSG_DATA(h), &u, sizeof u);
    SHOW(sendmsg(sv[0], &m, 0));
    m.msg_controllen = sizeof c;
    SHOW(recvmsg(sv[1], &m, 0));
    memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof got);
    printf("%d %d\n", got.uid, got.gid);
    socklen_t l = sizeof got;
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
    SHOW(getsockopt(sv[0], SOL_SOCKET, SO_PEERCRED, &got, &l));
    printf("%d %d %d\n", got.pid == getpid(), got.uid, got.gid);
    if (fork() == 0) {
        MUST(setuid(5));
        SHOW(sendmsg(sv[0], &m, 0));
        memset(c, 0, sizeof c);
        m.msg_controllen = CMSG_SPACE(sizeof u);
        h = CMSG_FIRSTHDR(&m);
        h->cmsg_level = SOL_SOCKET, h->cmsg_type = SCM_CREDENTIALS, h->cmsg_len = CMSG_LEN(sizeof u);
        u = (struct ucred){getpid(), 0, 0};
        memcpy(CMSG_DATA(h), &u, sizeof u);
        SHOW(sendmsg(sv[0], &m, 0));
        u.uid = 5, u.pid = 1;
        memcpy(CMSG_DATA(h), &u, sizeof u);
        SHOW(sendmsg(sv[0], &m, 0));
        _exit(0);
    }
    wait(NULL);
    return 0;
}

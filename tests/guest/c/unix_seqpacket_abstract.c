#include "t.h"

int main(void) {
    int s = MUST(socket(AF_UNIX, SOCK_SEQPACKET, 0)), c = MUST(socket(AF_UNIX, SOCK_SEQPACKET, 0));
    struct sockaddr_un a = {AF_UNIX}, r;
    socklen_t l = sizeof r;
    char buf[16] = {0};
    memcpy(a.sun_path, "\0stackbox-test", 14);
    SHOW(bind(s, (void *)&a, 2 + 14));
    MUST(listen(s, 5));
    SHOW(connect(c, (void *)&a, 2 + 13));
    SHOW(connect(c, (void *)&a, 2 + 14));
    int k = MUST(accept(s, NULL, NULL));
    SHOW(getsockname(k, (void *)&r, &l));
    VAL(l);
    STR(r.sun_path + 1);
    SHOW(write(c, "first", 5));
    SHOW(write(c, "second", 6));
    SHOW(read(k, buf, 3));
    SHOW(read(k, buf, 16));
    struct msghdr m = {.msg_iov = &(struct iovec){buf, 2}, .msg_iovlen = 1};
    write(c, "truncated", 9);
    SHOW(recvmsg(k, &m, 0));
    VAL((m.msg_flags & MSG_TRUNC) != 0);
    close(c);
    SHOW(read(k, buf, 16));
    int x = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    SHOW(bind(x, (void *)&a, 2));
    l = sizeof r;
    getsockname(x, (void *)&r, &l);
    VAL(l);
    VAL(r.sun_path[0]);
    SHOW(connect(MUST(socket(AF_UNIX, SOCK_STREAM, 0)), (void *)&a, 2 + 14));
    SHOW(bind(MUST(socket(AF_UNIX, SOCK_SEQPACKET, 0)), (void *)&a, 2 + 14));
    SHOW(bind(MUST(socket(AF_UNIX, SOCK_SEQPACKET, 0)), (void *)&a, 1));
    SHOW(bind(MUST(socket(AF_UNIX, SOCK_SEQPACKET, 0)), (void *)&a, 200));
    a.sun_family = AF_INET;
    SHOW(bind(MUST(socket(AF_UNIX, SOCK_SEQPACKET, 0)), (void *)&a, 20));
    SHOW(socket(AF_UNIX, 77, 0));
    SHOW(socket(AF_UNIX, SOCK_STREAM, 5));
    SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, BAD));
    SHOW(socketpair(AF_INET, SOCK_STREAM, 0, (int[2]){0}));
    return 0;
}

#include "t.h"

int main(void) {
    int sv[2], u = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    struct timeval t = {0, 30000};
    char b[300000];
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
    setsockopt(sv[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    setsockopt(sv[0], SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
    setsockopt(u, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    long start = now_ms();
    SHOW(recv(sv[0], b, 1, 0));
    VAL(now_ms() - start >= 29);
    struct sockaddr_in a = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
    MUST(bind(u, (void *)&a, sizeof a));
    SHOW(recv(u, b, 1, 0));
    long n = send(sv[0], b, sizeof b, 0);
    VAL(n > 0 && n < (long)sizeof b);
    SHOW(send(sv[0], b, sizeof b, 0));
    int s = MUST(socket(AF_INET, SOCK_STREAM, 0));
    MUST(listen(s, 1));
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    SHOW(accept(s, NULL, NULL));
    struct mmsghdr m[2] = {{{.msg_iov = &(struct iovec){b, 5}, .msg_iovlen = 1}}, {{.msg_iov = &(struct iovec){b, 6}, .msg_iovlen = 1}}};
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, sv));
    SHOW(sendmmsg(sv[0], m, 2, 0));
    printf("%d %d\n", m[0].msg_len, m[1].msg_len);
    struct timespec w = {0, 20 * MS};
    SHOW(recvmmsg(sv[1], m, 2, MSG_WAITFORONE, &w));
    SHOW(recvmmsg(sv[1], m, 2, MSG_DONTWAIT, NULL));
    SHOW(sendmmsg(99, m, 2, 0));
    return 0;
}

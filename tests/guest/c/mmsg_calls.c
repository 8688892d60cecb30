#include "t.h"

int main(void) {
    int p[2];
    char in[4][8] = {0};
    struct iovec out[3] = {{"one", 3}, {"two!", 4}, {"three", 5}}, into[4];
    struct mmsghdr m[4] = {0};
    struct timespec t = {0, 20 * MS};
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, p));
    for (int i = 0; i < 3; i++) m[i].msg_hdr.msg_iov = &out[i], m[i].msg_hdr.msg_iovlen = 1;
    SHOW(sendmmsg(p[0], m, 3, 0));
    printf("%u %u %u\n", m[0].msg_len, m[1].msg_len, m[2].msg_len);
    memset(m, 0, sizeof m);
    for (int i = 0; i < 4; i++) {
        into[i] = (struct iovec){in[i], 4};
        m[i].msg_hdr.msg_iov = &into[i], m[i].msg_hdr.msg_iovlen = 1;
    }
    SHOW(recvmmsg(p[1], m, 2, 0, NULL));
    printf("%u %s %u %.4s\n", m[0].msg_len, in[0], m[1].msg_len, in[1]);
    SHOW(recvmmsg(p[1], m, 4, MSG_WAITFORONE, NULL));
    printf("%u %.4s %x\n", m[0].msg_len, in[0], m[0].msg_hdr.msg_flags);
    SHOW(recvmmsg(p[1], m, 4, MSG_DONTWAIT, NULL));
    SHOW(recvmmsg(p[1], m, 0, 0, NULL));
    t.tv_nsec = 2000000000;
    SHOW(recvmmsg(p[1], m, 4, 0, &t));
    SHOW(recvmmsg(99, m, 4, 0, NULL));
    SHOW(recvmmsg(0, m, 4, 0, NULL));
    SHOW(sendmmsg(99, m, 1, 0));
    SHOW(sendmmsg(p[0], BAD, 1, 0));
    SHOW(sendmmsg(p[0], m, 0, 0));
    close(p[1]);
    m[0].msg_hdr.msg_iov = out;
    SHOW(sendmmsg(p[0], m, 1, MSG_NOSIGNAL));
    return 0;
}

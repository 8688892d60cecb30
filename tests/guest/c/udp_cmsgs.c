#include "t.h"

int main(void) {
    int s = MUST(socket(AF_INET, SOCK_DGRAM, 0)), c = MUST(socket(AF_INET, SOCK_DGRAM, 0)), on = 1, v;
    struct sockaddr_in a = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
    socklen_t l = sizeof a;
    MUST(bind(s, (void *)&a, sizeof a)), MUST(getsockname(s, (void *)&a, &l)), MUST(connect(c, (void *)&a, sizeof a));
    SHOW(setsockopt(s, SOL_IP, IP_PKTINFO, &on, 4)), SHOW(setsockopt(s, SOL_IP, IP_RECVTTL, &on, 4)), SHOW(setsockopt(s, SOL_IP, IP_RECVTOS, &on, 4));
    SHOW(setsockopt(s, SOL_SOCKET, SO_TIMESTAMP, &on, 4));
    v = 33, SHOW(setsockopt(c, SOL_IP, IP_TTL, &v, 4)), v = 0x20, SHOW(setsockopt(c, SOL_IP, IP_TOS, &v, 4));
    SHOW(send(c, "x", 1, 0));
    char b[8], k[512];
    struct iovec io = {b, 8};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = k, .msg_controllen = sizeof k};
    SHOW(recvmsg(s, &m, 0));
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
        printf("level %d type %d len %d", h->cmsg_level, h->cmsg_type, (int)h->cmsg_len);
        if (h->cmsg_level == SOL_IP && h->cmsg_type == IP_TTL) printf(" ttl %d", *(int *)CMSG_DATA(h));
        if (h->cmsg_level == SOL_IP && h->cmsg_type == IP_TOS) printf(" tos %d", *CMSG_DATA(h));
        if (h->cmsg_level == SOL_IP && h->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo *p = (void *)CMSG_DATA(h);
            printf(" index %d addr %s", p->ipi_ifindex, inet_ntoa(p->ipi_addr));
        }
        puts("");
    }
    VAL(m.msg_flags);
    m.msg_controllen = 10;
    SHOW(send(c, "y", 1, 0)), SHOW(recvmsg(s, &m, 0));
    VAL(m.msg_flags & MSG_CTRUNC);
    return 0;
}

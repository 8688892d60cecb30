// What MSG_ERRQUEUE tells of the header that an ICMP error came with: TTL, TOS, hop limit, traffic class (ip_recv_error).
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void wait_and_show(int fd) {
    struct pollfd p = {fd, 0, 0};
    printf("poll %d %x\n", poll(&p, 1, 10000), p.revents);
    char data[64], control[512];
    struct iovec v = {data, sizeof data};
    struct msghdr m = {NULL, 0, &v, 1, control, sizeof control, 0};
    ssize_t n = recvmsg(fd, &m, MSG_ERRQUEUE);
    printf("%zd %s\n", n, n < 0 ? strerror(errno) : "");
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); n >= 0 && c; c = CMSG_NXTHDR(&m, c)) {
        printf("  level %d type %d size %zu", c->cmsg_level, c->cmsg_type, (size_t)c->cmsg_len - CMSG_LEN(0));
        if (c->cmsg_type == IP_RECVERR || c->cmsg_type == IPV6_RECVERR) {
            struct sock_extended_err *e = (void *)CMSG_DATA(c);
            printf(": errno %u origin %u type %u code %u\n", e->ee_errno, e->ee_origin, e->ee_type, e->ee_code);
        } else if (c->cmsg_len == CMSG_LEN(4))
            printf(": %d\n", *(int *)CMSG_DATA(c));
        else
            printf(": %d\n", *CMSG_DATA(c));
    }
}

int main(void) {
    int on = 1, closed[2];
    for (int six = 0; six < 2; six++) {
        struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
        struct sockaddr *a = six ? (void *)&a6 : (void *)&a4;
        socklen_t size = six ? sizeof a6 : sizeof a4;
        int gone = socket(six ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
        bind(gone, a, size);
        getsockname(gone, a, &size);
        for (int tos = 0; tos <= 0x28; tos += 0x28) {
            int s = socket(six ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
            if (six) {
                setsockopt(s, SOL_IPV6, IPV6_RECVERR, &on, sizeof on);
                setsockopt(s, SOL_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof on);
                setsockopt(s, SOL_IPV6, IPV6_RECVTCLASS, &on, sizeof on);
                setsockopt(s, SOL_IPV6, IPV6_TCLASS, &tos, sizeof tos);
            } else {
                setsockopt(s, SOL_IP, IP_RECVERR, &on, sizeof on);
                setsockopt(s, SOL_IP, IP_RECVTTL, &on, sizeof on);
                setsockopt(s, SOL_IP, IP_RECVTOS, &on, sizeof on);
                setsockopt(s, SOL_IP, IP_TOS, &tos, sizeof tos);
            }
            connect(s, a, size);
            if (gone >= 0)
                close(gone), gone = -1;
            printf("%s, %d: %zd\n", six ? "IPv6" : "IPv4", tos, send(s, "data", 4, 0));
            wait_and_show(s);
            close(s);
        }
    }
    return 0;
}

#include "t.h"

/* What sendmsg(2) takes as control messages of datagrams, and what arrives. */
static int out, in, family;

static void send_one(const char *what, int level, int type, const void *data, int size) {
    char b[8], k[256] = {0}, got[256];
    struct iovec io = {"x", 1};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = k, .msg_controllen = CMSG_SPACE(size)};
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = level, h->cmsg_type = type, h->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(h), data, size);
    errno = 0;
    printf("%s, %d bytes: ", what, size);
    if (sendmsg(out, &m, 0) != 1) {
        puts(ename(errno));
        return;
    }
    io.iov_base = b, io.iov_len = sizeof b, m.msg_control = got, m.msg_controllen = sizeof got;
    MUST(recvmsg(in, &m, 0));
    for (h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
        printf(" [%d %d %d]", h->cmsg_level, h->cmsg_type, h->cmsg_len == CMSG_LEN(4) ? *(int *)CMSG_DATA(h) : *CMSG_DATA(h));
    puts("");
}
static void ints(const char *what, int level, int type) {
    int values[] = {-2, -1, 0, 1, 5, 255, 256};
    char name[64], odd[8] = {7};
    for (int i = 0; i < 7; i++) {
        if (type == IPV6_TCLASS && values[i] == -1)
            continue; /* the socket's own, but for newer kernels, which send 255 */
        snprintf(name, sizeof name, "%s %d", what, values[i]);
        send_one(name, level, type, values + i, 4);
    }
    send_one(what, level, type, odd, 1);
    send_one(what, level, type, odd, 3);
    send_one(what, level, type, odd, 5);
    send_one(what, level, type, odd, 8);
}
static void pair(int f) {
    struct sockaddr_storage a = {.ss_family = f};
    socklen_t size = f == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    int on = 1;
    family = f;
    if (f == AF_INET) ((struct sockaddr_in *)&a)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else ((struct sockaddr_in6 *)&a)->sin6_addr = in6addr_loopback;
    in = MUST(socket(f, SOCK_DGRAM, 0)), out = MUST(socket(f, SOCK_DGRAM, 0));
    MUST(bind(in, (void *)&a, size)), MUST(getsockname(in, (void *)&a, &size)), MUST(connect(out, (void *)&a, size));
    if (f == AF_INET) {
        MUST(setsockopt(in, SOL_IP, IP_RECVTTL, &on, 4)), MUST(setsockopt(in, SOL_IP, IP_RECVTOS, &on, 4));
    } else {
        MUST(setsockopt(in, SOL_IPV6, IPV6_RECVHOPLIMIT, &on, 4));
        MUST(setsockopt(in, SOL_IPV6, IPV6_RECVTCLASS, &on, 4));
    }
}
int main(void) {
    int five = 5;
    struct in_pktinfo info = {0};
    pair(AF_INET);
    ints("IP_TTL", SOL_IP, IP_TTL);
    ints("IP_TOS", SOL_IP, IP_TOS);
    send_one("IP_PKTINFO", SOL_IP, IP_PKTINFO, &info, sizeof info);
    send_one("IP_PKTINFO", SOL_IP, IP_PKTINFO, &info, sizeof info - 1);
    send_one("IP_PKTINFO", SOL_IP, IP_PKTINFO, (char[16]){0}, sizeof info + 1);
    send_one("a type that is not there", SOL_IP, 99, &five, 4);
    send_one("another level", 77, 1, &five, 4);
    send_one("IPV6_HOPLIMIT over IPv4", SOL_IPV6, IPV6_HOPLIMIT, &five, 4);
    pair(AF_INET6);
    ints("IPV6_HOPLIMIT", SOL_IPV6, IPV6_HOPLIMIT);
    ints("IPV6_TCLASS", SOL_IPV6, IPV6_TCLASS);
    send_one("a type that is not there", SOL_IPV6, 99, &five, 4);
    send_one("another level", 77, 1, &five, 4);
    return 0;
}

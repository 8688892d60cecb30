#include "container_caps.h"
#include "t.h"
#include <arpa/inet.h>
#include <linux/in6.h>
#include <netinet/in.h>
#include <sys/socket.h>

static void hex(const char *what, const void *data, int n) {
    printf("%s [%d] ", what, n);
    for (int i = 0; i < n; i++) printf("%02x", ((const unsigned char *)data)[i]);
    printf("\n");
}
static void receive(int s) {
    char text[64], control[512];
    struct iovec v = {text, sizeof text};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    int n = recvmsg(s, &m, MSG_DONTWAIT);
    printf("received %d\n", n);
    if (n < 0) return;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        char name[32];
        snprintf(name, sizeof name, "  %d/%d", c->cmsg_level, c->cmsg_type);
        hex(name, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
    }
}
static int send_with(int s, int level, int type, const void *data, int size) {
    char text[] = "text", control[128] = {0};
    struct iovec v = {text, 4};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(size)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = level, c->cmsg_type = type, c->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(c), data, size);
    return sendmsg(s, &m, 0);
}
static int pair(int family, int type, int *other) {
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    void *at = family == AF_INET ? (void *)&four : (void *)&six;
    socklen_t n = family == AF_INET ? sizeof four : sizeof six;
    *other = MUST(socket(family, type, 0));
    MUST(bind(*other, at, n));
    MUST(getsockname(*other, at, &n));
    if (type == SOCK_STREAM) MUST(listen(*other, 1));
    int s = MUST(socket(family, type, 0));
    if (type == SOCK_DGRAM) MUST(connect(s, at, n));
    return s;
}
static void headers(void) {
    static const unsigned char pad[8] = {0, 0, 1, 4}, other[8] = {0, 0, 1, 2, 0, 0, 1, 0}, unknown[8] = {0, 0, 0x1e, 4, 1, 2, 3, 4};
    int to, s = pair(AF_INET6, SOCK_DGRAM, &to), on = 1;
    for (int name = IPV6_RECVHOPOPTS; name <= IPV6_RECVDSTOPTS; name++)
        if (name == IPV6_RECVHOPOPTS || name == IPV6_RECVRTHDR || name == IPV6_RECVDSTOPTS) setsockopt(to, IPPROTO_IPV6, name, &on, 4);
    SHOW(setsockopt(s, IPPROTO_IPV6, IPV6_HOPOPTS, pad, 8));
    SHOW(setsockopt(s, IPPROTO_IPV6, IPV6_DSTOPTS, other, 8));
    SHOW(setsockopt(s, IPPROTO_IPV6, IPV6_RTHDRDSTOPTS, pad, 8));
    VAL(send(s, "sticky", 6, 0)), receive(to);
    VAL(send_with(s, IPPROTO_IPV6, IPV6_DSTOPTS, unknown, 8)), receive(to);
    VAL(send_with(s, IPPROTO_IPV6, IPV6_HOPOPTS, unknown, 8)), receive(to);
    SHOW(send_with(s, IPPROTO_IPV6, IPV6_HOPOPTS, pad, 4));
    SHOW(send_with(s, IPPROTO_IPV6, IPV6_RTHDR, pad, 8));
    SHOW(setsockopt(s, IPPROTO_IPV6, IPV6_HOPOPTS, NULL, 0));
    VAL(send(s, "one", 3, 0)), receive(to);
    close(s), close(to);
}
static void options(void) {
    static const unsigned char record[12] = {7, 11, 4}, stamps[12] = {0x44, 12, 5, 0}, alert[4] = {0x94, 4};
    int to, s = pair(AF_INET, SOCK_DGRAM, &to), on = 1;
    unsigned char got[40];
    socklen_t n = sizeof got;
    setsockopt(to, IPPROTO_IP, IP_RECVOPTS, &on, 4), setsockopt(to, IPPROTO_IP, IP_RETOPTS, &on, 4);
    SHOW(setsockopt(s, IPPROTO_IP, IP_OPTIONS, record, 12));
    VAL(send(s, "text", 4, 0)), receive(to);
    SHOW(getsockopt(s, IPPROTO_IP, IP_OPTIONS, got, &n)), hex("options", got, n);
    VAL(send_with(s, IPPROTO_IP, IP_RETOPTS, alert, 4)), receive(to);
    SHOW(setsockopt(s, IPPROTO_IP, IP_OPTIONS, stamps, 3));
    close(s), close(to);
    s = pair(AF_INET, SOCK_STREAM, &to);
    SHOW(setsockopt(s, IPPROTO_IP, IP_OPTIONS, record, 12));
    struct sockaddr_in at;
    n = sizeof at, MUST(getsockname(to, (void *)&at, &n));
    SHOW(connect(s, (void *)&at, sizeof at));
    int a = MUST(accept(to, NULL, NULL));
    n = sizeof got, SHOW(getsockopt(a, IPPROTO_IP, IP_OPTIONS, got, &n)), hex("echoed", got, n);
    VAL(send(a, "back", 4, 0)), VAL(recv(s, got, 4, 0)), VAL(send(s, "forth", 5, 0)), VAL(recv(a, got, 5, MSG_WAITALL));
    close(a), close(s), close(to);
}
static void filters(void) {
    int s = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    struct ip_mreq r = {.imr_multiaddr.s_addr = inet_addr("239.1.1.1"), .imr_interface.s_addr = htonl(INADDR_LOOPBACK)};
    struct { struct in_addr group, local; unsigned mode, count; struct in_addr sources[3]; } f = {
        r.imr_multiaddr, r.imr_interface, 0, 2, {{htonl(0x0a000001)}, {htonl(0x0a000002)}}};
    socklen_t n = 24;
    SHOW(setsockopt(s, IPPROTO_IP, IP_MSFILTER, &f, 24));
    SHOW(setsockopt(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &r, sizeof r));
    SHOW(setsockopt(s, IPPROTO_IP, IP_MSFILTER, &f, 20));
    SHOW(setsockopt(s, IPPROTO_IP, IP_MSFILTER, &f, 24));
    for (unsigned room = 0; room < 4; room++) {
        memset(f.sources, 0, sizeof f.sources);
        f.mode = 1, f.count = room, n = 28;
        SHOW(getsockopt(s, IPPROTO_IP, IP_MSFILTER, &f, &n));
        hex("filter", &f.mode, 20), VAL(n);
    }
    f.mode = 1, f.count = 0;
    SHOW(setsockopt(s, IPPROTO_IP, IP_MSFILTER, &f, 16));
    SHOW(setsockopt(s, IPPROTO_IP, IP_DROP_MEMBERSHIP, &r, sizeof r));
    close(s);
}
int main(void) {
    as_in_container();
    headers(), options(), filters();
    return 0;
}

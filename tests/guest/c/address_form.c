// IPV6_ADDRFORM: when a socket of IPv6 becomes one of IPv4, and what it is then.
#include "t.h"
#include <netinet/tcp.h>

static int form(int s, int family) { return setsockopt(s, IPPROTO_IPV6, 1 /* IPV6_ADDRFORM */, &family, sizeof family); }
static void ask(const char *title, int s) {
    int v = -1, domain = -1;
    socklen_t l = sizeof v;
    int r = getsockopt(s, IPPROTO_IPV6, 1, &v, &l);
    printf("%s: %s %d", title, r ? ename(errno) : "ok", r ? 0 : v);
    l = sizeof domain;
    getsockopt(s, SOL_SOCKET, SO_DOMAIN, &domain, &l);
    printf(", family %d", domain);
    struct sockaddr_storage a;
    l = sizeof a;
    getsockname(s, (void *)&a, &l);
    printf(", name of %u bytes and family %d", l, a.ss_family);
    l = sizeof a;
    r = getpeername(s, (void *)&a, &l);
    printf(", peer %s of %u bytes\n", r ? ename(errno) : "ok", r ? 0 : l);
}
static void change(const char *title, int s, int family) {
    printf("%s: %s\n", title, form(s, family) ? ename(errno) : "ok");
    ask(title, s);
}
static struct sockaddr_in6 where(int s, int mapped) {
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT}, bound;
    if (mapped) inet_pton(AF_INET6, "::ffff:127.0.0.1", &a.sin6_addr);
    socklen_t l = sizeof bound;
    MUST(getsockname(s, (void *)&bound, &l));
    a.sin6_port = bound.sin6_port;
    return a;
}
static void both(int kind) {
    struct sockaddr_in6 any = {.sin6_family = AF_INET6}, a;
    struct ipv6_mreq group = {.ipv6mr_interface = 1};
    char text[8] = "";
    int l = MUST(socket(AF_INET6, kind, 0)), s = MUST(socket(AF_INET6, kind, 0)), six = MUST(socket(AF_INET6, kind, 0)), v = 1;
    MUST(bind(l, (void *)&any, sizeof any));
    if (kind == SOCK_STREAM) MUST(listen(l, 3));
    change("fresh", s, AF_INET), change("to itself", s, AF_INET6), change("to nothing", s, 0);
    printf("short %s\n", setsockopt(s, IPPROTO_IPV6, 1, &v, 2) ? ename(errno) : "ok");
    a = where(l, 0), MUST(connect(six, (void *)&a, sizeof a));
    change("with a peer of IPv6", six, AF_INET);
    a = where(l, 1), MUST(connect(s, (void *)&a, sizeof a));
    inet_pton(AF_INET6, "ff15::77", &group.ipv6mr_multiaddr);
    if (kind == SOCK_DGRAM) printf("joined %s\n", setsockopt(s, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &group, sizeof group) ? ename(errno) : "ok");
    ask("connected", s);
    change("with a peer of IPv4", s, AF_INET);
    change("again", s, AF_INET);
    MUST(setsockopt(s, IPPROTO_IP, IP_TTL, &v, sizeof v));
    MUST(write(s, "hello", 5));
    int c = l;
    if (kind == SOCK_STREAM) MUST(accept(l, NULL, NULL)), c = MUST(accept(l, NULL, NULL)), change("accepted", c, AF_INET);
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    long n = MUST(recvfrom(c, text, 5, 0, (void *)&from, &size));
    printf("%ld bytes, %s\n", n, text);
    if (kind == SOCK_DGRAM) MUST(sendto(l, "back", 4, 0, (void *)&from, size)); else MUST(write(c, "back", 4));
    size = sizeof from;
    n = MUST(recvfrom(s, text, 5, 0, (void *)&from, &size));
    printf("%ld bytes back, address of %u\n", n, kind == SOCK_DGRAM ? size : 0);
    if (kind == SOCK_STREAM) {
        shutdown(s, SHUT_WR);
        MUST(read(c, text, 1) == 0 ? 0 : -1);
        change("half closed", c, AF_INET);
        close(c);
    }
    close(l), close(s), close(six);
}
int main(void) {
    both(SOCK_STREAM);
    both(SOCK_DGRAM);
    return 0;
}

#include "t.h"

int main(void) {
    int s = MUST(socket(AF_INET6, SOCK_STREAM, 0)), c = MUST(socket(AF_INET6, SOCK_STREAM, 0)), on = 1, v;
    struct sockaddr_in6 a = {AF_INET6, 0, 0, in6addr_any}, b;
    struct sockaddr_in a4 = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
    socklen_t l = sizeof v;
    char t[64];
    SHOW(getsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &v, &l));
    VAL(v);
    MUST(bind(s, (void *)&a, sizeof a)), MUST(listen(s, 5));
    l = sizeof a;
    MUST(getsockname(s, (void *)&a, &l));
    a.sin6_addr = in6addr_loopback;
    SHOW(connect(c, (void *)&a, sizeof a));
    l = sizeof b;
    int k = OK(accept(s, (void *)&b, &l));
    STR(inet_ntop(AF_INET6, &b.sin6_addr, t, 64));
    VAL(l);
    int d = MUST(socket(AF_INET, SOCK_STREAM, 0));
    a4.sin_port = a.sin6_port;
    SHOW(connect(d, (void *)&a4, sizeof a4));
    k = OK(accept(s, (void *)&b, &l));
    STR(inet_ntop(AF_INET6, &b.sin6_addr, t, 64));
    int o = MUST(socket(AF_INET6, SOCK_STREAM, 0));
    SHOW(setsockopt(o, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on));
    b.sin6_port = a.sin6_port;
    SHOW(connect(o, (void *)&b, sizeof b));
    SHOW(setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on));
    SHOW(bind(o, (void *)&a4, sizeof a4));
    SHOW(bind(o, (void *)&b, 10));
    int u = MUST(socket(AF_INET6, SOCK_DGRAM, 0)), w = MUST(socket(AF_INET6, SOCK_DGRAM, 0));
    a.sin6_port = 0;
    MUST(bind(u, (void *)&a, sizeof a)), MUST(getsockname(u, (void *)&a, &l));
    SHOW(sendto(w, "six", 3, 0, (void *)&a, sizeof a));
    SHOW(recvfrom(u, t, 64, 0, (void *)&b, &l));
    VAL(IN6_IS_ADDR_LOOPBACK(&b.sin6_addr));
    VAL(b.sin6_scope_id);
    SHOW(socket(AF_INET6, SOCK_STREAM, 99));
    SHOW(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
    SHOW(socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP));
    SHOW(socket(AF_INET, 0, 0));
    SHOW(socket(99, SOCK_STREAM, 0));
    SHOW(socket(AF_INET, SOCK_STREAM | 0x100, 0));
    return 0;
}

#include "t.h"

int main(void) {
    int c = MUST(socket(AF_INET6, SOCK_DGRAM, 0)), v;
    struct sockaddr_in6 a = {AF_INET6, htons(9), 0, in6addr_loopback};
    struct sockaddr_in6 m = {AF_INET6, htons(9), 0, {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 1}}}};
    socklen_t l = sizeof v;
    char b[4];
    SHOW(connect(c, (void *)&a, sizeof a));
    SHOW(send(c, "x", 1, 0));
    struct pollfd p = {c, POLLIN};
    SHOW(poll(&p, 1, 2000));
    SHOW(getsockopt(c, SOL_SOCKET, SO_ERROR, &v, &l));
    STR(ename(v));
    SHOW(recv(c, b, 4, MSG_DONTWAIT));
    SHOW(connect(c, (void *)&m, sizeof m));
    SHOW(getpeername(c, (void *)&a, (l = sizeof a, &l)));
    VAL(IN6_IS_ADDR_V4MAPPED(&a.sin6_addr));
    a.sin6_family = AF_UNSPEC;
    SHOW(connect(c, (void *)&a, sizeof a));
    SHOW(getpeername(c, (void *)&a, &l));
    struct sockaddr_in6 ll = {AF_INET6, htons(9)};
    inet_pton(AF_INET6, "fe80::1", &ll.sin6_addr);
    SHOW(connect(c, (void *)&ll, sizeof ll));
    ll.sin6_scope_id = 9999;
    SHOW(connect(c, (void *)&ll, sizeof ll));
    inet_pton(AF_INET6, "2001:db8::5", &ll.sin6_addr);
    ll.sin6_scope_id = 0;
    int d = MUST(socket(AF_INET6, SOCK_DGRAM, 0));
    SHOW(bind(d, (void *)&ll, sizeof ll));
    return 0;
}

#include "t.h"

static void get(int s, int level, int name, const char *text) {
    int v = -1;
    socklen_t l = sizeof v;
    int r = getsockopt(s, level, name, &v, &l);
    printf("%s: %s %d len %d\n", text, r ? ename(errno) : "ok", r ? 0 : v, r ? 0 : l);
}
static void set(int s, int level, int name, int v, const char *text) {
    int r = setsockopt(s, level, name, &v, sizeof v);
    printf("set %s %d: %s\n", text, v, r ? ename(errno) : "ok");
    get(s, level, name, text);
}
#define G(l, n) get(t, l, n, #n), get(u, l, n, #n)
#define S(s, l, n, v) set(s, l, n, v, #n)
int main(void) {
    int t = MUST(socket(AF_INET, SOCK_STREAM, 0)), u = MUST(socket(AF_INET, SOCK_DGRAM, 0)), v;
    G(SOL_SOCKET, SO_TYPE), G(SOL_SOCKET, SO_DOMAIN), G(SOL_SOCKET, SO_PROTOCOL), G(SOL_SOCKET, SO_ERROR);
    G(SOL_SOCKET, SO_ACCEPTCONN), G(SOL_SOCKET, SO_REUSEADDR), G(SOL_SOCKET, SO_KEEPALIVE), G(SOL_SOCKET, SO_BROADCAST);
    G(IPPROTO_IP, IP_TTL), G(IPPROTO_IP, IP_TOS), G(IPPROTO_IP, IP_MTU_DISCOVER), G(IPPROTO_IP, IP_MULTICAST_TTL);
    G(IPPROTO_TCP, TCP_NODELAY), G(IPPROTO_IP, IP_MTU), G(IPPROTO_TCP, 999), G(999, 1), G(SOL_SOCKET, 999);
    S(t, SOL_SOCKET, SO_REUSEADDR, 5), S(t, SOL_SOCKET, SO_REUSEPORT, 1), S(t, SOL_SOCKET, SO_KEEPALIVE, 1);
    S(t, SOL_SOCKET, SO_SNDBUF, 10000), S(t, SOL_SOCKET, SO_RCVBUF, 1), S(t, SOL_SOCKET, SO_OOBINLINE, 1);
    S(t, SOL_SOCKET, SO_RCVLOWAT, 100), S(t, SOL_SOCKET, SO_PRIORITY, 3), S(t, SOL_SOCKET, SO_TYPE, 3);
    S(t, IPPROTO_IP, IP_TTL, 7), S(t, IPPROTO_IP, IP_TTL, 300), S(t, IPPROTO_IP, IP_TTL, -1), S(t, IPPROTO_IP, IP_TOS, 0x10);
    S(t, IPPROTO_TCP, TCP_NODELAY, 1), S(t, IPPROTO_TCP, TCP_KEEPIDLE, 33), S(t, IPPROTO_TCP, TCP_KEEPIDLE, 0);
    S(t, IPPROTO_TCP, TCP_KEEPINTVL, 5), S(t, IPPROTO_TCP, TCP_KEEPCNT, 4), S(t, IPPROTO_TCP, TCP_KEEPCNT, 300);
    S(t, IPPROTO_TCP, TCP_CORK, 1), S(t, IPPROTO_TCP, TCP_USER_TIMEOUT, 1000), S(t, IPPROTO_TCP, TCP_USER_TIMEOUT, -1);
    S(t, IPPROTO_TCP, TCP_DEFER_ACCEPT, 0), S(t, IPPROTO_TCP, TCP_QUICKACK, 0), S(t, IPPROTO_TCP, TCP_SYNCNT, 3);
    S(t, IPPROTO_TCP, TCP_LINGER2, 10), S(t, IPPROTO_TCP, TCP_WINDOW_CLAMP, 70000);
    S(u, SOL_SOCKET, SO_BROADCAST, 1), S(u, IPPROTO_IP, IP_PKTINFO, 1), S(u, IPPROTO_IP, IP_RECVTTL, 1), S(u, IPPROTO_UDP, UDP_CORK, 0);
    S(u, IPPROTO_IP, IP_MULTICAST_TTL, 5), S(u, IPPROTO_IP, IP_MULTICAST_LOOP, 0), S(t, SOL_SOCKET, SO_BROADCAST, 1);
    struct linger l = {1, 5};
    socklen_t n = sizeof l;
    SHOW(setsockopt(t, SOL_SOCKET, SO_LINGER, &l, sizeof l));
    SHOW(getsockopt(t, SOL_SOCKET, SO_LINGER, &l, &n));
    printf("%d %d %d\n", l.l_onoff, l.l_linger, n);
    struct timeval w = {1, 500000};
    SHOW(setsockopt(t, SOL_SOCKET, SO_RCVTIMEO, &w, sizeof w));
    n = sizeof w;
    SHOW(getsockopt(t, SOL_SOCKET, SO_RCVTIMEO, &w, &n));
    printf("%ld %ld\n", w.tv_sec, w.tv_usec);
    w.tv_usec = 1000000;
    SHOW(setsockopt(t, SOL_SOCKET, SO_RCVTIMEO, &w, sizeof w));
    SHOW(setsockopt(t, SOL_SOCKET, SO_REUSEADDR, &v, 2));
    SHOW(setsockopt(t, SOL_SOCKET, SO_REUSEADDR, BAD, 4));
    SHOW(getsockopt(t, SOL_SOCKET, SO_REUSEADDR, BAD, &n));
    SHOW(getsockopt(t, SOL_SOCKET, SO_REUSEADDR, &v, BAD));
    n = -1;
    SHOW(getsockopt(t, SOL_SOCKET, SO_REUSEADDR, &v, &n));
    n = 1;
    SHOW(getsockopt(t, SOL_SOCKET, SO_REUSEADDR, &v, &n));
    VAL(n);
    SHOW(getsockopt(1, SOL_SOCKET, SO_TYPE, &v, &n));
    SHOW(getsockopt(99, SOL_SOCKET, SO_TYPE, &v, &n));
    char name[17] = {0};
    n = 16;
    SHOW(setsockopt(t, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
    SHOW(getsockopt(t, IPPROTO_TCP, TCP_CONGESTION, name, &n));
    STR(name);
    SHOW(setsockopt(t, IPPROTO_TCP, TCP_CONGESTION, "nonsense", 8));
    return 0;
}

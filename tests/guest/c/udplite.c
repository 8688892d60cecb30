// UDP-Lite: coverage of the checksum, ports of its own, errors.
#include "t.h"
#define UDPLITE 136

static int sock(int family) { return MUST(socket(family, SOCK_DGRAM | SOCK_NONBLOCK, UDPLITE)); }
static int set(int s, int level, int name, int value) { return setsockopt(s, level, name, &value, sizeof value); }
static int get(int s, int level, int name) {
    int value = -1;
    socklen_t n = sizeof value;
    return getsockopt(s, level, name, &value, &n) ? -errno : value;
}
static struct sockaddr_in at(int port) {
    struct sockaddr_in a = {AF_INET, htons(port), {htonl(INADDR_LOOPBACK)}};
    return a;
}
static int port_of(int s) {
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    MUST(getsockname(s, (void *)&a, &n));
    return ntohs(a.sin_port);
}
static void options(void) {
    int s = sock(AF_INET), values[] = {0, 1, 7, 8, 9, 20, 65535, 65536, -1}, u = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    printf("protocol %d type %d, coverage %d %d\n", get(s, SOL_SOCKET, SO_PROTOCOL), get(s, SOL_SOCKET, SO_TYPE), get(s, UDPLITE, 10), get(s, UDPLITE, 11));
    for (int i = 0; i < 9; i++)
        for (int name = 10; name < 12; name++)
            printf("%d: %d", values[i], set(s, UDPLITE, name, values[i])), printf(" -> %d %d\n", get(s, UDPLITE, name), get(s, 17, name));
    SHOW(set(s, UDPLITE, 99, 1)), SHOW(get(s, UDPLITE, 99)), SHOW(set(s, UDPLITE, 1, 1)), SHOW(set(s, UDPLITE, 1, 0)), SHOW(set(u, 17, 10, 8));
    SHOW(socket(AF_INET, SOCK_STREAM, UDPLITE)), SHOW(socket(AF_INET6, SOCK_DGRAM, UDPLITE) > 0);
    close(s), close(u);
}
static void receive(const char *what, int s) {
    char buf[100];
    int n = recv(s, buf, sizeof buf, 0);
    if (n < 0) printf("%s: %s\n", what, ename(errno));
    else printf("%s: %d %.*s\n", what, n, n, buf);
}
static void coverage(int raw) {
    int a = sock(AF_INET), b = sock(AF_INET);
    struct sockaddr_in any = at(0), to;
    MUST(bind(b, (void *)&any, sizeof any));
    to = at(port_of(b));
    int sends[] = {-1, 0, 8, 12, 18, 19}, takes[] = {-1, 0, 8, 12, 13};
    for (int i = 0; i < 6; i++)
        for (int k = 0; k < 5; k++) {
            close(a), close(b), a = sock(AF_INET), b = sock(AF_INET), MUST(bind(b, (void *)&any, sizeof any)), to = at(port_of(b));
            if (sends[i] >= 0) MUST(set(a, UDPLITE, 10, sends[i]));
            if (takes[k] >= 0) MUST(set(b, UDPLITE, 11, takes[k]));
            MUST(sendto(a, "0123456789", 10, 0, (void *)&to, sizeof to));
            char what[64], seen[200];
            sprintf(what, "sent %d, taken %d", sends[i], takes[k]);
            receive(what, b);
            int n = recv(raw, seen, sizeof seen, 0);
            printf("  on the wire %d, covered %d, a checksum %d\n", n - 20, seen[24] << 8 | seen[25], (seen[26] | seen[27]) != 0);
        }
    close(a), close(b);
}
static void forged(int raw) { // the text behind what is covered may change, the rest not
    int b = sock(AF_INET), a = sock(AF_INET), out = MUST(socket(AF_INET, SOCK_RAW, UDPLITE));
    struct sockaddr_in any = at(0), to;
    char seen[200];
    MUST(bind(b, (void *)&any, sizeof any)), to = at(port_of(b));
    MUST(set(a, UDPLITE, 10, 12));
    MUST(sendto(a, "0123456789", 10, 0, (void *)&to, sizeof to));
    receive("first", b);
    MUST(recv(raw, seen, sizeof seen, 0));
    to.sin_port = 0;
    char *d = seen + 20;
    struct { const char *what; int at, value; } changes[] = {{"behind", 8 + 6, 'x'}, {"covered", 8 + 1, 'x'}, {"too little", 5, 7}, {"too much", 5, 19}, {"no checksum", 6, 0}};
    for (int i = 0; i < 5; i++) {
        char copy[18];
        memcpy(copy, d, 18);
        copy[changes[i].at] = changes[i].value;
        if (i == 4) copy[7] = 0;
        MUST(sendto(out, copy, 18, 0, (void *)&to, sizeof to));
        receive(changes[i].what, b);
    }
    close(a), close(b), close(out);
}
int main(void) {
    options();
    int raw = MUST(socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, UDPLITE)), u = MUST(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)), s = sock(AF_INET), c = sock(AF_INET);
    coverage(raw);
    forged(raw);
    // the same port as UDP's; nobody there
    struct sockaddr_in any = at(0), there;
    MUST(bind(u, (void *)&any, sizeof any)), there = at(port_of(u));
    SHOW(bind(s, (void *)&there, sizeof there)), SHOW(bind(c, (void *)&there, sizeof there));
    MUST(connect(c, (void *)&there, sizeof there)), MUST(send(c, "hello", 5, 0)), receive("udp", u), receive("lite", s);
    int gone = sock(AF_INET);
    MUST(bind(gone, (void *)&any, sizeof any)), there = at(port_of(gone)), close(gone);
    MUST(connect(c, (void *)&there, sizeof there)), MUST(send(c, "hello", 5, 0)), receive("nobody", c);
    // IPv6
    struct sockaddr_in6 six = {AF_INET6, 0, 0, IN6ADDR_LOOPBACK_INIT};
    socklen_t n = sizeof six;
    int e = sock(AF_INET6), f = sock(AF_INET6);
    MUST(bind(e, (void *)&six, sizeof six)), MUST(getsockname(e, (void *)&six, &n)), MUST(set(f, UDPLITE, 10, 10));
    MUST(sendto(f, "sixteen", 7, 0, (void *)&six, sizeof six)), receive("IPv6", e);
}

/* Socket options on sockets of every kind, with the capabilities of a container. */
#ifndef OPTION_WALK_H
#define OPTION_WALK_H
#include "container_caps.h"
#include "t.h"
#include <linux/netlink.h>
#include <sys/socket.h>

static int listener4, listener6;
static struct sockaddr_storage at4, at6;

static int listening(int family, struct sockaddr_storage *at) {
    int s = MUST(socket(family, SOCK_STREAM, 0));
    socklen_t n = sizeof *at;
    memset(at, 0, sizeof *at);
    if (family == AF_INET) {
        struct sockaddr_in *a = (void *)at;
        a->sin_family = AF_INET, a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        MUST(bind(s, (void *)at, sizeof *a));
    } else {
        struct sockaddr_in6 *a = (void *)at;
        a->sin6_family = AF_INET6, a->sin6_addr = in6addr_loopback;
        MUST(bind(s, (void *)at, sizeof *a));
    }
    MUST(listen(s, 5));
    MUST(getsockname(s, (void *)at, &n));
    return s;
}
static int other = -1; /* the other end of a pair: closed with the next one */
static int connected(int family) {
    int s = MUST(socket(family, SOCK_STREAM, 0));
    struct linger l = {1, 0};
    setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof l);
    if (family == AF_INET) MUST(connect(s, (void *)&at4, sizeof(struct sockaddr_in)));
    else MUST(connect(s, (void *)&at6, sizeof(struct sockaddr_in6)));
    if (other >= 0) close(other);
    other = MUST(accept(family == AF_INET ? listener4 : listener6, NULL, NULL));
    l.l_onoff = 0;
    setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof l);
    return s;
}
static int udp_connected(int family) {
    int s = MUST(socket(family, SOCK_DGRAM, 0));
    if (family == AF_INET) MUST(connect(s, (void *)&at4, sizeof(struct sockaddr_in)));
    else MUST(connect(s, (void *)&at6, sizeof(struct sockaddr_in6)));
    return s;
}
static int unix_pair(int kind) {
    int p[2];
    MUST(socketpair(AF_UNIX, kind, 0, p));
    if (other >= 0) close(other);
    other = p[1];
    return p[0];
}
static const char *const KINDS[] = {"tcp",     "tcp listen", "tcp conn", "udp",         "udp conn",    "raw",     "icmp",   "tcp6",
                                    "tcp6 conn", "udp6",     "raw6",     "unix stream", "unix dgram",  "netlink", NULL};
static int make(int kind) {
    struct sockaddr_storage at;
    switch (kind) {
    case 0: return MUST(socket(AF_INET, SOCK_STREAM, 0));
    case 1: return listening(AF_INET, &at);
    case 2: return connected(AF_INET);
    case 3: return MUST(socket(AF_INET, SOCK_DGRAM, 0));
    case 4: return udp_connected(AF_INET);
    case 5: return MUST(socket(AF_INET, SOCK_RAW, 253));
    case 6: return MUST(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
    case 7: return MUST(socket(AF_INET6, SOCK_STREAM, 0));
    case 8: return connected(AF_INET6);
    case 9: return MUST(socket(AF_INET6, SOCK_DGRAM, 0));
    case 10: return MUST(socket(AF_INET6, SOCK_RAW, 253));
    case 11: return unix_pair(SOCK_STREAM);
    case 12: return unix_pair(SOCK_DGRAM);
    default: return MUST(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
    }
}
/* How each of `names` at `level` answers on every kind of socket: unset, after each number, and by length. */
static void get(int s, int level, int name, int room) {
    unsigned char b[64];
    memset(b, 0xee, sizeof b);
    socklen_t n = room;
    if (getsockopt(s, level, name, b, &n)) {
        printf(" %s", ename(errno));
        return;
    }
    printf(" %d:", (int)n);
    for (unsigned i = 0; i < n && i < 16; i++) printf("%02x", b[i]);
}
static void walk_one(int kind, int level, int name) {
    static const int VALUES[] = {-2, -1, 0, 1, 2, 3, 255, 256, 100000}, LENGTHS[] = {0, 1, 3, 8, 20}, ROOMS[] = {0, 1, 3, 4, 8, 64};
    char big[32] = {1};
    int s = make(kind);
    printf("%s %d/%d", KINDS[kind], level, name);
    for (unsigned i = 0; i < sizeof ROOMS / sizeof *ROOMS; i++) get(s, level, name, ROOMS[i]);
    for (unsigned i = 0; i < sizeof VALUES / sizeof *VALUES; i++) {
        printf(" %d=%s", VALUES[i], setsockopt(s, level, name, &VALUES[i], sizeof(int)) ? ename(errno) : "ok");
        get(s, level, name, 4);
    }
    for (unsigned i = 0; i < sizeof LENGTHS / sizeof *LENGTHS; i++) {
        printf(" [%d]%s", LENGTHS[i], setsockopt(s, level, name, big, LENGTHS[i]) ? ename(errno) : "ok");
        get(s, level, name, 8);
    }
    printf("\n");
    close(s);
}
static void walk(int level, const int *names, unsigned count) {
    listener4 = listening(AF_INET, &at4), listener6 = listening(AF_INET6, &at6);
    for (int kind = 0; KINDS[kind]; kind++)
        for (unsigned i = 0; i < count; i++) walk_one(kind, level, names[i]);
}
#define WALK(level, ...)                              \
    do {                                              \
        static const int names_[] = {__VA_ARGS__};    \
        walk(level, names_, sizeof names_ / sizeof *names_); \
    } while (0)
#endif

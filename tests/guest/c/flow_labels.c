/* Flow labels of IPv6: IPV6_AUTOFLOWLABEL, IPV6_FLOWINFO_SEND, IPV6_FLOWLABEL_MGR and control messages (net/ipv6/ip6_flowlabel.c). */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IPV6_FLOWINFO
#define IPV6_FLOWINFO 11
#endif
#ifndef IPV6_FLOWLABEL_MGR
#define IPV6_FLOWLABEL_MGR 32
#endif
#ifndef IPV6_FLOWINFO_SEND
#define IPV6_FLOWINFO_SEND 33
#endif
#ifndef IPV6_AUTOFLOWLABEL
#define IPV6_AUTOFLOWLABEL 70
#endif
#ifndef IPV6_DONTFRAG
#define IPV6_DONTFRAG 62
#endif

struct request {
    struct in6_addr dst;
    unsigned label;
    unsigned char action, share;
    unsigned short flags, expires, linger;
    unsigned pad;
};

static struct sockaddr_in6 to;
static int receiver;

static const char *result(int r) { return r < 0 ? strerrorname_np(errno) : "ok"; }

static void set(int s, int name, int value) {
    printf("set %d %d: %s\n", name, value, result(setsockopt(s, IPPROTO_IPV6, name, &value, sizeof value)));
}

static void get(int s, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    const char *r = result(getsockopt(s, IPPROTO_IPV6, name, &value, &size));
    printf("get %d: %s %d\n", name, r, value);
}

/* What the datagram that waits came with. */
static unsigned received(const char *what, int exact) {
    char text[64], control[256];
    struct iovec io = {text, sizeof text};
    struct msghdr m = {0};
    unsigned flow = 0;
    m.msg_iov = &io, m.msg_iovlen = 1, m.msg_control = control, m.msg_controllen = sizeof control;
    if (recvmsg(receiver, &m, MSG_DONTWAIT) < 0) {
        printf("%s: %s\n", what, strerrorname_np(errno));
        return 0;
    }
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_FLOWINFO)
            memcpy(&flow, CMSG_DATA(c), 4);
    flow = ntohl(flow);
    if (exact)
        printf("%s: %08x\n", what, flow);
    else
        printf("%s: %s\n", what, flow & 0xfffff ? "some label" : "none");
    return flow;
}

static void message(int s, int type, int size, unsigned word) {
    char control[64] = {0};
    struct iovec io = {"x", 1};
    struct msghdr m = {&to, sizeof to, &io, 1, control, CMSG_SPACE(size), 0};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = IPPROTO_IPV6, c->cmsg_type = type, c->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(c), &word, size);
    printf("message %d %d: %s\n", type, size, result(sendmsg(s, &m, 0)));
}

static int manage(int s, const char *what, struct request *r) {
    int done = setsockopt(s, IPPROTO_IPV6, IPV6_FLOWLABEL_MGR, r, sizeof *r);
    printf("%s: %s\n", what, result(done));
    return done;
}

static void leases(void) {
    int one = socket(AF_INET6, SOCK_DGRAM, 0), two = socket(AF_INET6, SOCK_DGRAM, 0);
    struct request r = {to.sin6_addr, htonl(0x45678), 0, 255, 0, 0, 0, 0};
    manage(one, "not there", &r);
    r.flags = 1;
    manage(one, "lease", &r);
    manage(one, "again", &r);
    r.flags = 3;
    manage(two, "exclusively", &r);
    r.flags = 1;
    manage(two, "shared", &r);
    r.share = 1;
    manage(two, "another share", &r);
    r.share = 9;
    manage(two, "no share", &r);
    r.share = 255, r.label = htonl(0x145678);
    manage(two, "too large", &r);
    r.label = 0;
    if (!manage(two, "any", &r))
        printf("drawn %d\n", r.label != 0 && !(ntohl(r.label) & ~0xfffff));
    r.dst = in6addr_any;
    manage(two, "to nobody", &r);
    inet_pton(AF_INET6, "::ffff:127.0.0.1", &r.dst);
    manage(two, "mapped", &r);
    r.action = 2, r.label = htonl(0x45678), r.linger = 20;
    manage(one, "renew", &r);
    r.label = htonl(0x1);
    r.share = 1;
    manage(one, "renew another", &r);
    r.action = 1;
    manage(one, "give back another", &r);
    r.label = htonl(0x45678);
    manage(two, "give back", &r);
    manage(two, "give back again", &r);
    manage(one, "give back", &r);
    manage(one, "give back the second", &r);
    manage(one, "give back again", &r);
    r.action = 7;
    manage(one, "no action", &r);
    r.action = 0, r.flags = 4;
    manage(one, "reflect", &r);
    printf("short: %s\n", result(setsockopt(one, IPPROTO_IPV6, IPV6_FLOWLABEL_MGR, &r, 20)));
    socklen_t size = sizeof r;
    r.flags = 0;
    printf("ask: %s\n", result(getsockopt(one, IPPROTO_IPV6, IPV6_FLOWLABEL_MGR, &r, &size)));
    size = 20;
    printf("ask for less: %s\n", result(getsockopt(one, IPPROTO_IPV6, IPV6_FLOWLABEL_MGR, &r, &size)));
    close(one), close(two);
}

/* While a label is exclusive, every label has to be leased. */
static void exclusive(void) {
    int owner = socket(AF_INET6, SOCK_DGRAM, 0), other = socket(AF_INET6, SOCK_DGRAM, 0);
    struct request r = {to.sin6_addr, htonl(0x77777), 0, 1, 1, 0, 0, 0}, q = r;
    manage(owner, "exclusive", &r);
    manage(other, "somebody else's", &r);
    set(owner, IPV6_FLOWINFO_SEND, 1), set(other, IPV6_FLOWINFO_SEND, 1);
    to.sin6_flowinfo = htonl(0x77777);
    printf("owner: %s\n", result(connect(owner, (void *)&to, sizeof to)));
    socklen_t size = sizeof q;
    memset(&q, 0, sizeof q);
    printf("ask: %s", result(getsockopt(owner, IPPROTO_IPV6, IPV6_FLOWLABEL_MGR, &q, &size)));
    printf(" %x %d %d %d\n", ntohl(q.label), q.share, q.linger, size);
    printf("sent: %s\n", result(send(owner, "x", 1, 0)));
    received("owner's", 1);
    printf("other: %s\n", result(sendto(other, "x", 1, 0, (void *)&to, sizeof to)));
    message(other, IPV6_FLOWINFO, 4, htonl(0x12));
    to.sin6_flowinfo = 0;
    printf("without: %s\n", result(sendto(other, "x", 1, 0, (void *)&to, sizeof to)));
    received("without", 0);
    close(owner), close(other);
}

static void streams(void) {
    int listener = socket(AF_INET6, SOCK_STREAM, 0), client = socket(AF_INET6, SOCK_STREAM, 0);
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback}, peer;
    socklen_t size = sizeof at;
    bind(listener, (void *)&at, sizeof at);
    listen(listener, 1);
    getsockname(listener, (void *)&at, &size);
    set(client, IPV6_FLOWINFO_SEND, 1);
    at.sin6_flowinfo = htonl(0x0ff12345);
    printf("connect: %s\n", result(connect(client, (void *)&at, sizeof at)));
    getpeername(client, (void *)&peer, &size);
    printf("peer: %08x\n", ntohl(peer.sin6_flowinfo));
    set(client, IPV6_FLOWINFO_SEND, 0);
    getpeername(client, (void *)&peer, &size);
    printf("peer: %08x\n", ntohl(peer.sin6_flowinfo));
    get(client, IPV6_AUTOFLOWLABEL);
    close(client), close(listener);
}

/* A network of its own, where that is allowed: labels outlive those who leased them. */
static void own_network(void) {
    struct ifreq lo = {0};
    int s;
    if (unshare(CLONE_NEWNET))
        return;
    s = socket(AF_INET, SOCK_DGRAM, 0);
    strcpy(lo.ifr_name, "lo");
    lo.ifr_flags = IFF_UP;
    ioctl(s, SIOCSIFFLAGS, &lo);
    close(s);
}

int main(void) {
    own_network();
    int s = socket(AF_INET6, SOCK_DGRAM, 0), four = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
    socklen_t size = sizeof to;
    receiver = socket(AF_INET6, SOCK_DGRAM, 0);
    to = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    bind(receiver, (void *)&to, sizeof to);
    getsockname(receiver, (void *)&to, &size);
    setsockopt(receiver, IPPROTO_IPV6, IPV6_FLOWINFO, &on, sizeof on);

    get(s, IPV6_AUTOFLOWLABEL), get(s, IPV6_FLOWINFO_SEND), get(four, IPV6_AUTOFLOWLABEL);
    sendto(s, "x", 1, 0, (void *)&to, sizeof to);
    unsigned first = received("automatic", 0);
    sendto(s, "x", 1, 0, (void *)&to, sizeof to);
    printf("the same: %d\n", first == received("automatic", 0));
    set(s, IPV6_AUTOFLOWLABEL, 0), get(s, IPV6_AUTOFLOWLABEL);
    sendto(s, "x", 1, 0, (void *)&to, sizeof to);
    received("off", 1);
    set(s, IPV6_AUTOFLOWLABEL, 5), get(s, IPV6_AUTOFLOWLABEL);

    to.sin6_flowinfo = htonl(0x0ab12345);
    sendto(s, "x", 1, 0, (void *)&to, sizeof to);
    printf("not asked for: %d\n", first == received("automatic", 0));
    set(s, IPV6_FLOWINFO_SEND, 1), get(s, IPV6_FLOWINFO_SEND);
    sendto(s, "x", 1, 0, (void *)&to, sizeof to);
    received("chosen", 1);
    to.sin6_flowinfo = 0;
    sendto(s, "x", 1, 0, (void *)&to, sizeof to);
    received("nothing chosen", 0);
    message(s, IPV6_FLOWINFO, 4, htonl(0xf0054321)), received("by message", 1);
    message(s, IPV6_FLOWINFO, 2, 0);
    message(s, IPV6_DONTFRAG, 4, 1), received("whole", 0);
    message(s, IPV6_DONTFRAG, 4, 2);
    message(s, IPV6_2292HOPLIMIT, 4, 7), received("hops", 0);
    message(s, IPV6_2292HOPLIMIT, 4, 256);
    streams();
    leases();
    exclusive();
    return 0;
}

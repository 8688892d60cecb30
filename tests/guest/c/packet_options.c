// IP_PKTOPTIONS: what a stream knows of the packet that completed its handshake, and what there is room for.
#include "t.h"

static void show(const char *title, int s, int room) {
    unsigned char text[300] = {0};
    socklen_t size = room;
    int r = getsockopt(s, IPPROTO_IP, IP_PKTOPTIONS, text, &size);
    printf("%s: %s %u ", title, r ? ename(errno) : "ok", size);
    for (unsigned i = 0; !r && i < size; i++) printf("%02x", text[i]);
    printf("\n");
}
static void walk(int s) {
    static const int rooms[] = {0, 10, 16, 20, 30, 40, 52, 60, 80};
    static const int names[] = {IP_RECVTTL, IP_RECVTOS, IP_PKTINFO};
    int one = 1, ttl;
    socklen_t size = sizeof ttl;
    show("nothing", s, 300);
    for (int i = 0; i < 3; i++) {
        MUST(setsockopt(s, IPPROTO_IP, names[i], &one, sizeof one));
        show("one more", s, 300);
    }
    for (unsigned i = 0; i < sizeof rooms / sizeof *rooms; i++) show("room", s, rooms[i]);
    MUST(getsockopt(s, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, &size));
    printf("multicast ttl %d\n", ttl);
}
int main(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    int l = MUST(socket(AF_INET, SOCK_STREAM, 0)), c = MUST(socket(AF_INET, SOCK_STREAM, 0)), tos = 0x10, ttl = 33;
    show("datagrams", MUST(socket(AF_INET, SOCK_DGRAM, 0)), 300);
    show("fresh", c, 300);
    printf("set %s\n", setsockopt(c, IPPROTO_IP, IP_PKTOPTIONS, &ttl, sizeof ttl) ? ename(errno) : "ok");
    MUST(bind(l, (void *)&a, size)), MUST(getsockname(l, (void *)&a, &size)), MUST(listen(l, 3));
    MUST(setsockopt(c, IPPROTO_IP, IP_TOS, &tos, sizeof tos)), MUST(setsockopt(c, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl));
    MUST(connect(c, (void *)&a, size));
    int s = MUST(accept(l, NULL, NULL));
    walk(c);
    walk(s);
    walk(l);
    return 0;
}

#include "option_walk.h"

/* What only tells: the peer's name, cookies, memory; and the port as IP_PROTOCOL calls it. */
static void fact(const char *text, int s, int level, int name, int room) {
    unsigned char b[128] = {0};
    socklen_t n = room;
    printf("%s [%d]: %s", text, room, getsockopt(s, level, name, b, &n) ? ename(errno) : "ok");
    printf(" %d %d\n", (int)n, b[0]);
}
int main(void) {
    as_in_container();
    listener4 = listening(AF_INET, &at4), listener6 = listening(AF_INET6, &at6);
    for (int kind = 0; KINDS[kind]; kind++) {
        int s = make(kind);
        printf("-- %s\n", KINDS[kind]);
        static const int ROOMS[] = {0, 1, 2, 3, 8, 12, 16, 28, 64};
        for (unsigned i = 0; i < sizeof ROOMS / sizeof *ROOMS; i++) fact("peer name", s, SOL_SOCKET, SO_PEERNAME, ROOMS[i]);
        static const int SIZES[] = {0, 4, 8, 16};
        unsigned long one = 0, two = 0;
        socklen_t n = 8;
        for (unsigned i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
            n = SIZES[i], printf("cookie %d %s\n", SIZES[i], getsockopt(s, SOL_SOCKET, SO_COOKIE, (char[16]){0}, &n) ? ename(errno) : "ok");
            n = SIZES[i], printf("namespace %d %s\n", SIZES[i], getsockopt(s, SOL_SOCKET, 71, (char[16]){0}, &n) ? ename(errno) : "ok");
        }
        n = 8, getsockopt(s, SOL_SOCKET, 71, &one, &n), getsockopt(listener4, SOL_SOCKET, 71, &two, &n);
        VAL(one == two);
        unsigned memory[9];
        int size = 0;
        n = sizeof memory, SHOW(getsockopt(s, SOL_SOCKET, SO_MEMINFO, memory, &n)), VAL(n);
        n = sizeof size, getsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, &n), VAL(memory[1] == size);
        n = sizeof size, getsockopt(s, SOL_SOCKET, SO_SNDBUF, &size, &n), VAL(memory[3] == size);
        VAL(memory[0]), VAL(memory[8]);
        if (kind < 11) fact("peer", s, SOL_SOCKET, SO_PEERCRED, 12), fact("groups", s, SOL_SOCKET, SO_PEERGROUPS, 12);
        if (kind < 11) fact("filter", s, SOL_SOCKET, 52, 4);
        struct sockaddr_storage at = {0};
        int number = 0;
        n = sizeof at, getsockname(s, (void *)&at, &n);
        n = sizeof number;
        if (kind < 10 && kind != 5 && kind != 6) {
            SHOW(getsockopt(s, IPPROTO_IP, 52, &number, &n));
            VAL(number == ntohs(((struct sockaddr_in *)&at)->sin_port));
        }
        close(s);
    }
    return 0;
}

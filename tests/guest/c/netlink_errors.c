#include "t.h"

int main(void) {
    struct { uint16_t family, pad; uint32_t pid, groups; } a = {AF_NETLINK}, r;
    socklen_t l = sizeof r;
    SHOW(socket(AF_NETLINK, SOCK_STREAM, 0));
    SHOW(socket(AF_NETLINK, SOCK_RAW, 99));
    int s = MUST(socket(AF_NETLINK, SOCK_RAW, 0));
    SHOW(bind(s, (void *)&a, 5));
    SHOW(bind(s, (void *)&a, sizeof a));
    SHOW(getsockname(s, (void *)&r, &l));
    VAL(r.pid == getpid());
    VAL(l);
    struct { uint32_t len; uint16_t type, flags; uint32_t seq, pid; char body[32]; } m = {32, 200, 1, 7, 0};
    char b[4096];
    SHOW(send(s, &m, 32, 0));
    long n = recv(s, b, sizeof b, MSG_DONTWAIT);
    printf("type %d error %s\n", *(uint16_t *)(b + 4), ename(-*(int *)(b + 16)));
    m.type = 18, m.flags = 0x301;
    SHOW(send(s, &m, 32, 0));
    int done = 0, links = 0;
    while (!done && (n = recv(s, b, sizeof b, MSG_DONTWAIT)) > 0)
        for (char *p = b; p < b + n; p += (*(uint32_t *)p + 3) & ~3) {
            if (*(uint16_t *)(p + 4) == 3) done = 1;
            if (*(uint16_t *)(p + 4) == 16) links++;
        }
    VAL(done);
    VAL(links >= 1);
    SHOW(recv(s, b, sizeof b, MSG_DONTWAIT));
    SHOW(send(s, &m, 3, 0));
    SHOW(listen(s, 1));
    SHOW(accept(s, NULL, NULL));
    return 0;
}

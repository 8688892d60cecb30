#include "t.h"

int main(void) {
    int s = MUST(socket(AF_INET, SOCK_STREAM, 0)), t = MUST(socket(AF_INET, SOCK_STREAM, 0)), on = 1, c[3];
    struct sockaddr_in a = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}}, any = {AF_INET};
    socklen_t l = sizeof a;
    MUST(bind(s, (void *)&a, sizeof a)), MUST(getsockname(s, (void *)&a, &l));
    any.sin_port = a.sin_port;
    SHOW(bind(t, (void *)&any, sizeof any));
    SHOW(setsockopt(t, SOL_SOCKET, SO_REUSEADDR, &on, 4));
    SHOW(bind(t, (void *)&any, sizeof any));
    SHOW(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, 4));
    SHOW(bind(t, (void *)&any, sizeof any));
    SHOW(listen(s, 5));
    SHOW(listen(t, 5));
    for (int i = 0; i < 3; i++) {
        c[i] = MUST(socket(AF_INET, SOCK_STREAM, 0));
        SHOW(connect(c[i], (void *)&a, sizeof a));
        MUST(write(c[i], "abc" + i, 1));
    }
    for (int i = 0; i < 3; i++) {
        char b;
        int k = MUST(accept(s, NULL, NULL));
        read(k, &b, 1);
        printf("%c\n", b);
    }
    close(s);
    s = MUST(socket(AF_INET, SOCK_STREAM, 0));
    SHOW(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, 4));
    SHOW(bind(s, (void *)&a, sizeof a));
    SHOW(listen(s, 1));
    int u = MUST(socket(AF_INET, SOCK_DGRAM, 0)), v = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    a.sin_port = 0;
    MUST(setsockopt(u, SOL_SOCKET, SO_REUSEPORT, &on, 4)), MUST(bind(u, (void *)&a, sizeof a)), MUST(getsockname(u, (void *)&a, &l));
    SHOW(bind(v, (void *)&a, sizeof a));
    MUST(setsockopt(v, SOL_SOCKET, SO_REUSEPORT, &on, 4));
    SHOW(bind(v, (void *)&a, sizeof a));
    if (fork() == 0) {
        MUST(setuid(1000));
        a.sin_port = htons(80);
        int w = MUST(socket(AF_INET, SOCK_STREAM, 0));
        printf("low port: %s\n", bind(w, (void *)&a, sizeof a) ? "refused" : "bound");
        SHOW(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
        _exit(0);
    }
    wait(NULL);
    return 0;
}

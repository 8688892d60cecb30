#include "t.h"

int main(void) {
    struct sockaddr_in a = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}}, peer;
    socklen_t l = sizeof a;
    int s = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    SHOW(accept(s, NULL, NULL));
    MUST(bind(s, (void *)&a, l));
    SHOW(accept4(s, NULL, NULL, 0));
    MUST(listen(s, 5));
    MUST(getsockname(s, (void *)&a, &l));
    SHOW(accept4(s, NULL, NULL, 0));
    SHOW(accept4(s, NULL, NULL, 1));
    SHOW(accept4(99, NULL, NULL, 0));
    SHOW(accept4(0, NULL, NULL, 0));
    int c = MUST(socket(AF_INET, SOCK_STREAM, 0)), d = MUST(socket(AF_INET, SOCK_STREAM, 0));
    SHOW(connect(c, (void *)&a, l));
    SHOW(connect(d, (void *)&a, l));
    struct pollfd p = {s, POLLIN};
    SHOW(poll(&p, 1, 1000));
    l = 6;
    int x = OK(accept4(s, (void *)&peer, &l, SOCK_NONBLOCK | SOCK_CLOEXEC));
    VAL(l);
    VAL(fcntl(x, F_GETFL) == (O_RDWR | O_NONBLOCK));
    VAL(fcntl(x, F_GETFD));
    SHOW(poll(&p, 1, 1000));
    l = sizeof peer;
    int y = OK(accept(s, (void *)&peer, &l));
    VAL(fcntl(y, F_GETFL) == O_RDWR);
    VAL(peer.sin_family == AF_INET && peer.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    SHOW(connect(c, (void *)&a, sizeof a));
    SHOW(listen(c, 1));
    SHOW(accept(y, NULL, NULL));
    SHOW(getpeername(s, (void *)&peer, &l));
    l = -1;
    SHOW(getsockname(s, (void *)&peer, &l));
    return 0;
}

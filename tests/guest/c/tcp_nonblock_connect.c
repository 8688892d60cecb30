#include "t.h"

int main(void) {
    int s = MUST(socket(AF_INET, SOCK_STREAM, 0)), c = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)), v;
    struct sockaddr_in a = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
    socklen_t l = sizeof a;
    struct pollfd f = {c, POLLOUT};
    SHOW(poll(&f, 1, 0));
    printf("%x\n", f.revents);
    MUST(bind(s, (void *)&a, sizeof a)), MUST(getsockname(s, (void *)&a, &l));
    SHOW(connect(c, (void *)&a, sizeof a));
    SHOW(poll(&f, 1, 1000));
    printf("%x\n", f.revents);
    l = sizeof v;
    getsockopt(c, SOL_SOCKET, SO_ERROR, &v, &l);
    STR(ename(v));
    getsockopt(c, SOL_SOCKET, SO_ERROR, &v, &l);
    STR(ename(v));
    MUST(listen(s, 5));
    SHOW(connect(c, (void *)&a, sizeof a));
    SHOW(poll(&f, 1, 1000));
    printf("%x\n", f.revents);
    SHOW(connect(c, (void *)&a, sizeof a));
    SHOW(connect(c, (void *)&a, sizeof a));
    MUST(fcntl(s, F_SETFL, O_NONBLOCK));
    int k = OK(accept(s, NULL, NULL));
    VAL(fcntl(k, F_GETFL) & O_NONBLOCK);
    SHOW(accept(s, NULL, NULL));
    a.sin_family = AF_UNSPEC;
    SHOW(connect(c, (void *)&a, sizeof a));
    SHOW(connect(c, (void *)&a, 3));
    SHOW(connect(c, BAD, sizeof a));
    a.sin_family = AF_INET6;
    int d = MUST(socket(AF_INET, SOCK_STREAM, 0));
    SHOW(connect(d, (void *)&a, sizeof a));
    SHOW(bind(d, (void *)&a, sizeof a));
    a.sin_family = AF_INET, a.sin_addr.s_addr = htonl(0xc0000201);
    SHOW(bind(d, (void *)&a, sizeof a));
    SHOW(listen(99, 1));
    SHOW(listen(1, 1));
    SHOW(bind(d, (void *)&a, 4));
    return 0;
}

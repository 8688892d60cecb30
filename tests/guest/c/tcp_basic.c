#include "t.h"

static void show(struct sockaddr_in *a) { printf("%s family %d\n", inet_ntoa(a->sin_addr), a->sin_family); }
int main(void) {
    int s = MUST(socket(AF_INET, SOCK_STREAM, 0)), c = MUST(socket(AF_INET, SOCK_STREAM, 0)), v = 0;
    struct sockaddr_in a = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}}, b;
    socklen_t l = sizeof a;
    char buf[64] = {0};
    SHOW(accept(s, NULL, NULL));
    SHOW(bind(s, (void *)&a, sizeof a));
    SHOW(bind(s, (void *)&a, sizeof a));
    SHOW(getsockname(s, (void *)&a, &l));
    VAL(a.sin_port != 0);
    SHOW(connect(c, (void *)&a, sizeof a));
    SHOW(listen(s, 5));
    int n = MUST(socket(AF_INET, SOCK_STREAM, 0));
    SHOW(bind(n, (void *)&a, sizeof a));
    SHOW(connect(c, (void *)&a, sizeof a));
    l = sizeof b;
    int k = OK(accept4(s, (void *)&b, &l, SOCK_NONBLOCK | SOCK_CLOEXEC));
    show(&b);
    VAL(l);
    SHOW(connect(c, (void *)&a, sizeof a));
    SHOW(getpeername(c, (void *)&b, &l));
    VAL(b.sin_port == a.sin_port);
    SHOW(recv(k, buf, 10, 0));
    SHOW(send(c, "hello world", 11, 0));
    struct pollfd f = {k, POLLIN};
    SHOW(poll(&f, 1, 1000));
    SHOW(ioctl(k, FIONREAD, &v));
    VAL(v);
    SHOW(recv(k, buf, 5, MSG_PEEK));
    SHOW(recv(k, buf, 64, 0));
    STR(buf);
    SHOW(shutdown(c, SHUT_WR));
    SHOW(send(c, "x", 1, MSG_NOSIGNAL));
    f.events = POLLIN | POLLRDHUP;
    SHOW(poll(&f, 1, 1000));
    VAL(f.revents);
    SHOW(recv(k, buf, 64, 0));
    SHOW(send(k, "reply", 5, 0));
    SHOW(recv(c, buf, 5, MSG_WAITALL));
    close(k);
    SHOW(recv(c, buf, 64, 0));
    SHOW(shutdown(n, SHUT_RDWR));
    SHOW(getpeername(n, (void *)&b, &l));
    SHOW(recv(n, buf, 1, 0));
    SHOW(send(n, buf, 1, MSG_NOSIGNAL));
    l = sizeof v;
    SHOW(getsockopt(n, SOL_SOCKET, SO_ERROR, &v, &l));
    VAL(v);
    return 0;
}

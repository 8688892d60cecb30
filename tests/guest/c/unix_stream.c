#include "t.h"

int main(void) {
    int s = MUST(socket(AF_UNIX, SOCK_STREAM, 0)), c = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    struct sockaddr_un a = {AF_UNIX, "sock"}, b;
    socklen_t l = sizeof b;
    char buf[64] = {0};
    SHOW(connect(c, (void *)&a, sizeof a));
    SHOW(bind(s, (void *)&a, sizeof a));
    SHOW(bind(s, (void *)&a, sizeof a));
    SHOW(bind(c, (void *)&a, sizeof a));
    SHOW(connect(c, (void *)&a, sizeof a));
    SHOW(accept(s, NULL, NULL));
    SHOW(listen(s, 1));
    SHOW(connect(c, (void *)&a, sizeof a));
    SHOW(connect(c, (void *)&a, sizeof a));
    int k = OK(accept(s, (void *)&b, &l));
    printf("family %d len %d\n", b.sun_family, l);
    l = sizeof b;
    SHOW(getpeername(c, (void *)&b, &l));
    STR(b.sun_path);
    SHOW(getsockname(k, (void *)&b, &l));
    SHOW(write(c, "hello", 5));
    SHOW(recv(k, buf, 3, MSG_PEEK));
    SHOW(recv(k, buf, 64, 0));
    STR(buf);
    SHOW(recv(k, buf, 64, MSG_DONTWAIT));
    SHOW(shutdown(c, SHUT_WR));
    SHOW(recv(k, buf, 64, 0));
    SHOW(send(k, "back", 4, 0));
    SHOW(send(c, "no", 2, MSG_NOSIGNAL));
    SHOW(recv(c, buf, 64, 0));
    close(k);
    SHOW(recv(c, buf, 64, 0));
    SHOW(send(c, "x", 1, MSG_NOSIGNAL));
    SHOW(getpeername(s, (void *)&b, &l));
    SHOW(shutdown(s, 9));
    MUST(fcntl(s, F_SETFL, O_NONBLOCK));
    SHOW(accept(s, NULL, NULL));
    return 0;
}

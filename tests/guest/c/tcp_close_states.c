#include "t.h"

static void pair(int *c, int *k) {
    int s = MUST(socket(AF_INET, SOCK_STREAM, 0));
    struct sockaddr_in a = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
    socklen_t l = sizeof a;
    MUST(bind(s, (void *)&a, sizeof a)), MUST(listen(s, 1)), MUST(getsockname(s, (void *)&a, &l));
    *c = MUST(socket(AF_INET, SOCK_STREAM, 0));
    MUST(connect(*c, (void *)&a, sizeof a));
    *k = MUST(accept(s, NULL, NULL));
    close(s);
}
static int state(int s) {
    struct tcp_info i;
    socklen_t l = sizeof i;
    MUST(getsockopt(s, IPPROTO_TCP, TCP_INFO, &i, &l));
    return i.tcpi_state;
}
static void until(int s, int wanted) {
    for (int n = 0; state(s) != wanted && n < 1000; n++) nap(2);
    printf("state %d\n", state(s));
}
int main(void) {
    int c, k;
    char b[8];
    pair(&c, &k);
    until(c, TCP_ESTABLISHED), until(k, TCP_ESTABLISHED);
    SHOW(shutdown(c, SHUT_WR));
    until(c, TCP_FIN_WAIT2), until(k, TCP_CLOSE_WAIT);
    SHOW(recv(k, b, 8, 0));
    SHOW(shutdown(k, SHUT_WR));
    until(k, TCP_CLOSE);
    SHOW(recv(c, b, 8, 0)), SHOW(recv(k, b, 8, 0)), SHOW(shutdown(k, SHUT_WR)), SHOW(send(k, b, 1, MSG_NOSIGNAL));
    struct pollfd p = {k, POLLIN | POLLOUT | POLLRDHUP};
    SHOW(poll(&p, 1, 0));
    printf("%x\n", p.revents);
    pair(&c, &k);
    SHOW(shutdown(c, SHUT_RD));
    SHOW(recv(c, b, 8, 0));
    SHOW(send(k, "xy", 2, 0));
    SHOW(shutdown(c, SHUT_RDWR));
    p.fd = c;
    SHOW(poll(&p, 1, 0));
    printf("%x\n", p.revents);
    int s = socket(AF_INET, SOCK_STREAM, 0);
    until(s, TCP_CLOSE);
    MUST(listen(s, 1));
    until(s, TCP_LISTEN);
    SHOW(shutdown(s, SHUT_RD));
    until(s, TCP_CLOSE);
    return 0;
}

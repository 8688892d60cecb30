#include "t.h"

static volatile int urg;
static void on(int s) { urg++; }
int main(void) {
    int s = MUST(socket(AF_INET, SOCK_STREAM, 0)), c = MUST(socket(AF_INET, SOCK_STREAM, 0)), v;
    struct sockaddr_in a = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
    socklen_t l = sizeof a;
    MUST(bind(s, (void *)&a, sizeof a)), MUST(listen(s, 1)), MUST(getsockname(s, (void *)&a, &l)), MUST(connect(c, (void *)&a, sizeof a));
    int k = MUST(accept(s, NULL, NULL));
    char b[16] = {0};
    SHOW(recv(k, b, 1, MSG_OOB));
    SHOW(send(c, "abc", 3, 0)), SHOW(send(c, "!", 1, MSG_OOB)), SHOW(send(c, "def", 3, 0));
    struct pollfd p = {k, POLLPRI};
    SHOW(poll(&p, 1, 2000));
    printf("%x\n", p.revents);
    int n = 0;
    while (ioctl(k, FIONREAD, &n), n < 3) nap(1);
    SHOW(recv(k, b, 16, 0));
    SHOW(ioctl(k, SIOCATMARK, &v));
    VAL(v);
    SHOW(recv(k, b, 1, MSG_OOB));
    VAL(b[0]);
    SHOW(recv(k, b, 1, MSG_OOB));
    memset(b, 0, 16);
    SHOW(recv(k, b, 3, MSG_WAITALL));
    STR(b);
    return 0;
}

#include "t.h"

int main(void) {
    for (int round = 0; round < 2; round++) {
        int s = MUST(socket(AF_INET, SOCK_STREAM, 0)), c = MUST(socket(AF_INET, SOCK_STREAM, 0));
        struct sockaddr_in a = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
        socklen_t l = sizeof a;
        MUST(bind(s, (void *)&a, sizeof a)), MUST(listen(s, 5)), MUST(getsockname(s, (void *)&a, &l));
        MUST(connect(c, (void *)&a, sizeof a));
        int k = MUST(accept(s, NULL, NULL)), v;
        char b[10];
        if (round == 0) { /* unread data turns close into a reset */
            MUST(send(c, "unread", 6, 0));
            struct pollfd f = {k, POLLIN};
            poll(&f, 1, 1000);
        } else {
            struct linger g = {1, 0};
            SHOW(setsockopt(k, SOL_SOCKET, SO_LINGER, &g, sizeof g));
        }
        close(k);
        struct pollfd f = {c, POLLIN | POLLOUT};
        do poll(&f, 1, 1000); while (!(f.revents & POLLERR));
        printf("%x\n", f.revents);
        l = sizeof v;
        if (round) {
            SHOW(getsockopt(c, SOL_SOCKET, SO_ERROR, &v, &l));
            STR(ename(v));
        }
        SHOW(recv(c, b, 10, 0));
        SHOW(recv(c, b, 10, 0));
        SHOW(send(c, b, 1, MSG_NOSIGNAL));
        SHOW(send(c, b, 1, MSG_NOSIGNAL));
        close(c), close(s);
    }
    return 0;
}

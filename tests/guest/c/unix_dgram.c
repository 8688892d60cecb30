#include "t.h"

int main(void) {
    int s = MUST(socket(AF_UNIX, SOCK_DGRAM, 0)), c = MUST(socket(AF_UNIX, SOCK_DGRAM, 0)), sv[2];
    struct sockaddr_un a = {AF_UNIX, "sock"}, b = {AF_UNIX, "client"}, r;
    socklen_t l = sizeof r;
    char buf[16] = {0};
    MUST(bind(s, (void *)&a, sizeof a));
    SHOW(sendto(c, "one", 3, 0, (void *)&a, sizeof a));
    SHOW(recvfrom(s, buf, 16, 0, (void *)&r, &l));
    VAL(l);
    MUST(bind(c, (void *)&b, sizeof b));
    SHOW(sendto(c, "message two", 11, 0, (void *)&a, sizeof a));
    l = sizeof r;
    SHOW(recvfrom(s, buf, 4, MSG_TRUNC, (void *)&r, &l));
    STR(r.sun_path);
    SHOW(send(c, "x", 1, 0));
    SHOW(connect(c, (void *)&a, sizeof a));
    SHOW(send(c, "", 0, 0));
    SHOW(recv(s, buf, 16, 0));
    SHOW(recv(s, buf, 16, MSG_DONTWAIT));
    SHOW(connect(s, (void *)&a, sizeof a));
    SHOW(sendto(c, "x", 1, 0, (void *)&b, sizeof b));
    a.sun_family = AF_UNSPEC;
    SHOW(connect(c, (void *)&a, sizeof a));
    SHOW(send(c, "x", 1, 0));
    unlink("sock");
    a.sun_family = AF_UNIX;
    SHOW(sendto(c, "x", 1, 0, (void *)&a, sizeof a));
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, sv));
    SHOW(write(sv[0], "pair", 4));
    SHOW(read(sv[1], buf, 2));
    close(sv[1]);
    SHOW(write(sv[0], "x", 1));
    SHOW(recv(sv[0], buf, 1, MSG_DONTWAIT));
    return 0;
}

#include "t.h"

int main(void) {
    int s = MUST(socket(AF_INET, SOCK_DGRAM, 0)), c = MUST(socket(AF_INET, SOCK_DGRAM, 0)), v;
    struct sockaddr_in a = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}}, b;
    socklen_t l = sizeof a;
    char buf[100] = {0}, *big = calloc(1, 70000);
    MUST(bind(s, (void *)&a, sizeof a)), MUST(getsockname(s, (void *)&a, &l));
    SHOW(sendto(c, "one", 3, 0, (void *)&a, sizeof a));
    SHOW(sendto(c, "", 0, 0, (void *)&a, sizeof a));
    SHOW(sendto(c, "three and more", 14, 0, (void *)&a, sizeof a));
    SHOW(ioctl(s, FIONREAD, &v));
    VAL(v);
    SHOW(recvfrom(s, buf, 100, 0, (void *)&b, &l));
    STR(inet_ntoa(b.sin_addr));
    SHOW(recv(s, buf, 100, 0));
    SHOW(recv(s, buf, 5, MSG_TRUNC | MSG_PEEK));
    struct msghdr m = {.msg_iov = &(struct iovec){buf, 5}, .msg_iovlen = 1};
    SHOW(recvmsg(s, &m, 0));
    VAL(m.msg_flags);
    SHOW(recv(s, buf, 5, MSG_DONTWAIT));
    SHOW(send(c, "x", 1, 0));
    SHOW(connect(c, (void *)&a, sizeof a));
    SHOW(send(c, "connected", 9, 0));
    SHOW(recv(s, buf, 100, 0));
    SHOW(send(c, big, 65507, 0));
    SHOW(recv(s, big, 70000, 0));
    SHOW(send(c, big, 65508, 0));
    int o = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    SHOW(sendto(o, "z", 1, 0, (void *)&b, sizeof b));
    SHOW(recv(c, buf, 5, MSG_DONTWAIT));
    close(s);
    SHOW(send(c, "refused", 7, 0));
    struct pollfd f = {c, POLLIN};
    SHOW(poll(&f, 1, 1000));
    VAL(f.revents);
    SHOW(recv(c, buf, 5, MSG_DONTWAIT));
    SHOW(recv(c, buf, 5, MSG_DONTWAIT));
    SHOW(listen(c, 1));
    SHOW(accept(c, NULL, NULL));
    SHOW(shutdown(o, SHUT_RD));
    a.sin_port = 0;
    SHOW(sendto(o, "x", 1, 0, (void *)&a, sizeof a));
    SHOW(sendto(o, "x", 1, 0, (void *)&a, 7));
    SHOW(sendto(o, "x", 1, MSG_OOB, (void *)&a, sizeof a));
    a.sin_port = 9, a.sin_addr.s_addr = INADDR_BROADCAST;
    SHOW(sendto(o, "x", 1, 0, (void *)&a, sizeof a));
    return 0;
}

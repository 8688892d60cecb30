#include "t.h"

/* IP_RECVOPTS and IP_RETOPTS: on and off on every kind of socket; nothing comes with a packet that has no options. */
int main(void) {
    int kinds[] = {SOCK_DGRAM, SOCK_STREAM, SOCK_RAW}, one = 1, v;
    socklen_t l;
    for (int k = 0; k < 3; k++) {
        int s = MUST(socket(AF_INET, kinds[k], kinds[k] == SOCK_RAW ? IPPROTO_ICMP : 0));
        for (int o = IP_RECVOPTS; o <= IP_RETOPTS; o++) {
            v = -1, l = sizeof v;
            SHOW(getsockopt(s, IPPROTO_IP, o, &v, &l));
            VAL(v);
            SHOW(setsockopt(s, IPPROTO_IP, o, &one, sizeof one));
            l = sizeof v;
            SHOW(getsockopt(s, IPPROTO_IP, o, &v, &l));
            VAL(v);
        }
        close(s);
    }
    int a = MUST(socket(AF_INET, SOCK_DGRAM, 0)), b = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    struct sockaddr_in t = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
    l = sizeof t;
    MUST(bind(a, (void *)&t, l)), MUST(getsockname(a, (void *)&t, &l));
    MUST(setsockopt(a, IPPROTO_IP, IP_RECVOPTS, &one, sizeof one));
    MUST(setsockopt(a, IPPROTO_IP, IP_RETOPTS, &one, sizeof one));
    SHOW(sendto(b, "x", 1, 0, (void *)&t, sizeof t));
    char room[8], control[64];
    struct iovec i = {room, sizeof room};
    struct msghdr m = {.msg_iov = &i, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    SHOW(recvmsg(a, &m, 0));
    VAL((int)m.msg_controllen);
    return 0;
}

#include "t.h"

#define SC(...) syscall(__VA_ARGS__)
#define S(c) SHOW(SC c)
int main(void) {
    int s = MUST(socket(AF_INET, SOCK_STREAM, 0)), u = MUST(socket(AF_INET, SOCK_DGRAM, 0)), x = MUST(socket(AF_UNIX, SOCK_DGRAM, 0));
    S((SYS_bind, s, 8, 16)), S((SYS_connect, s, 8, 16)), S((SYS_getsockname, s, 8, 8)), S((SYS_getpeername, s, 8, 8));
    S((SYS_setsockopt, s, 1, 2, 8, 4)), S((SYS_getsockopt, s, 1, 2, 8, 8)), S((SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, 8));
    S((SYS_sendto, u, 8, 5, 0, 0, 0)), S((SYS_sendto, u, "x", 1, 0, 8, 16)), S((SYS_sendmsg, u, 8, 0)), S((SYS_recvmsg, u, 8, 0));
    S((SYS_sendmmsg, u, 8, 1, 0)), S((SYS_recvmmsg, u, 8, 1, MSG_DONTWAIT, 0)), S((SYS_bind, x, 8, 16)), S((SYS_connect, x, 8, 16));
    S((SYS_bind, s, "", 200)), S((SYS_bind, s, "", -1)), S((SYS_accept, 99, 0, 0)), S((SYS_accept4, s, 0, 0, 0x100)), S((SYS_listen, x, 1));
    S((SYS_ioctl, s, 0x8912, 8)), S((SYS_ioctl, s, 0x8913, 8)), S((SYS_ioctl, s, 0x541b, 8)), S((SYS_ioctl, s, 0x1234, 8));
    int sv[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
    write(sv[0], "data", 4);
    S((SYS_recvfrom, sv[1], 8, 4, 0, 0, 0));
    char b[8];
    SHOW(recv(sv[1], b, 8, MSG_DONTWAIT));
    SHOW(shutdown(99, 0)), SHOW(shutdown(0, 0)), SHOW(listen(0, 1)), SHOW(send(0, "x", 1, 0)), SHOW(recv(0, b, 1, 0));
    return 0;
}

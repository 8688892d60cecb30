#include "t.h"

int main(void) {
    int p[2];
    char b[8];
    SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, BAD));
    SHOW(socketpair(AF_UNIX, 99, 0, p));
    SHOW(socketpair(AF_UNIX, SOCK_STREAM, 5, p));
    SHOW(socketpair(AF_UNIX, SOCK_STREAM, AF_UNIX, p));
    SHOW(socketpair(AF_INET, SOCK_STREAM, 0, p));
    SHOW(socketpair(99, SOCK_STREAM, 0, p));
    SHOW(socketpair(AF_UNIX, SOCK_STREAM | 0x100, 0, p));
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, p));
    VAL(fcntl(p[0], F_GETFL) == (O_RDWR | O_NONBLOCK));
    VAL(fcntl(p[0], F_GETFD));
    SHOW(recv(p[0], b, 8, 0));
    SHOW(send(p[0], "abc", 3, 0));
    SHOW(recv(p[1], b, 2, MSG_PEEK));
    SHOW(recv(p[1], b, 8, MSG_WAITALL));
    SHOW(send(p[0], "x", 1, MSG_OOB));
    SHOW(shutdown(p[0], 9));
    SHOW(shutdown(p[0], SHUT_WR));
    SHOW(recv(p[1], b, 8, 0));
    SHOW(send(p[0], "x", 1, MSG_NOSIGNAL));
    SHOW(send(p[1], "y", 1, 0));
    SHOW(recv(p[0], b, 8, 0));
    SHOW(shutdown(p[0], SHUT_RD));
    SHOW(send(p[1], "y", 1, MSG_NOSIGNAL));
    close(p[1]);
    SHOW(recv(p[0], b, 8, 0));
    SHOW(bind(p[0], BAD, 16));
    SHOW(getpeername(p[0], (void *)b, BAD));
    SHOW(recv(0, b, 8, 0));
    SHOW(shutdown(0, SHUT_RD));
    SHOW(shutdown(99, SHUT_RD));
    SHOW(getsockopt(p[0], SOL_SOCKET, SO_TYPE, b, BAD));
    SHOW(setsockopt(p[0], SOL_SOCKET, SO_PASSCRED, b, 2));
    SHOW(setsockopt(p[0], SOL_SOCKET, 9999, b, 4));
    SHOW(setsockopt(p[0], 77, 1, b, 4));
    return 0;
}

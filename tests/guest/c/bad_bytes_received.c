/* What a socket or a pipe that has bytes answers to memory that takes none of them, or not all: a stream keeps them. */
#include "t.h"
static char *bad = (char *)8;
static void all(int fd, int fd2, const char *what) {
    char b[100]; struct iovec v = {bad, 10}, mixed[2] = {{b, 2}, {bad, 4}};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1}, mm = {.msg_iov = mixed, .msg_iovlen = 2};
    printf("-- %s\n", what);
#define PUT MUST(write(fd2, "abcdef", 6))
#define REST SHOW(recv(fd, b, 100, MSG_DONTWAIT))
    SHOW(recv(fd, bad, 1, MSG_DONTWAIT));
    PUT; SHOW(read(fd, bad, 1)); REST; 
    PUT; SHOW(read(fd, bad, 0)); REST;
    PUT; SHOW(recv(fd, bad, 1, MSG_PEEK)); REST;
    PUT; SHOW(recv(fd, bad, 1, MSG_TRUNC)); REST;
    PUT; SHOW(recvmsg(fd, &m, 0)); REST;
    PUT; SHOW(recvmsg(fd, &mm, 0)); REST;
    PUT; SHOW(readv(fd, mixed, 2)); REST;
    PUT; SHOW(recvfrom(fd, b, 10, 0, (void *)8, (void *)8)); REST;
    PUT; SHOW(recvmsg(fd, (void *)8, 0)); REST;
    PUT; PUT; SHOW(recv(fd, bad, 8, MSG_WAITALL)); REST; REST;
}
int main(void) {
    int kinds[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    signal(SIGPIPE, SIG_IGN);
    for (int k = 0; k < 3; k++) {
        int p[2]; char w[50];
        socketpair(AF_UNIX, kinds[k], 0, p);
        sprintf(w, "unix %d", kinds[k]); all(p[0], p[1], w);
    }
    int l = socket(AF_INET, SOCK_STREAM, 0); struct sockaddr_in a = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}}; socklen_t n = sizeof a;
    bind(l, (void *)&a, n); listen(l, 5); getsockname(l, (void *)&a, &n);
    int c = socket(AF_INET, SOCK_STREAM, 0);
    connect(c, (void *)&a, n); int s = accept(l, 0, 0), one = 1; setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, 4);
    all(s, c, "tcp");
    int u = socket(AF_INET, SOCK_DGRAM, 0), v = socket(AF_INET, SOCK_DGRAM, 0);
    a.sin_port = 0; bind(u, (void *)&a, n); getsockname(u, (void *)&a, &n); connect(v, (void *)&a, n);
    all(u, v, "udp");
    int q[2]; pipe2(q, 2048); printf("pipe\n"); char b[20]; struct iovec mixed[2] = {{b, 2}, {bad, 4}};
    write(q[1], "abcdef", 6);
    SHOW(read(q[0], bad, 1)); SHOW(read(q[0], bad, 0)); SHOW(readv(q[0], mixed, 2)); SHOW(read(q[0], b, 20));
    return 0;
}

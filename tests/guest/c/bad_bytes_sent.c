/* What a socket or a pipe answers to bytes that cannot be fetched: what it looks at before them comes first. */
#include "t.h"

static char *bad = (char *)8;
static void all(int fd, const char *what) {
    struct iovec v = {bad, 10}, mixed[2] = {{"ab", 2}, {bad, 4}};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1}, mm = {.msg_iov = mixed, .msg_iovlen = 2};
    printf("-- %s\n", what);
    SHOW(write(fd, bad, 1)); SHOW(write(fd, bad, 0));
    SHOW(send(fd, bad, 1, MSG_DONTWAIT)); SHOW(send(fd, bad, 1, MSG_OOB)); SHOW(send(fd, bad, 300000, MSG_DONTWAIT));
    SHOW(sendmsg(fd, &m, MSG_DONTWAIT)); SHOW(sendmsg(fd, &mm, MSG_DONTWAIT)); SHOW(writev(fd, mixed, 2));
    SHOW(sendmsg(fd, (void *)8, 0));
}
static int kinds[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
int main(void) {
    signal(SIGPIPE, SIG_IGN);
    for (int k = 0; k < 3; k++) {
        int p[2]; char w[50];
        socketpair(AF_UNIX, kinds[k] | SOCK_NONBLOCK, 0, p);
        sprintf(w, "unix %d", kinds[k]); all(p[0], w);
        shutdown(p[0], SHUT_WR); sprintf(w, "unix %d shut", kinds[k]); all(p[0], w);
        socketpair(AF_UNIX, kinds[k] | SOCK_NONBLOCK, 0, p);
        shutdown(p[1], SHUT_RD); sprintf(w, "unix %d peer shut", kinds[k]); all(p[0], w);
        socketpair(AF_UNIX, kinds[k] | SOCK_NONBLOCK, 0, p);
        close(p[1]); sprintf(w, "unix %d peer gone", kinds[k]); all(p[0], w);
        socketpair(AF_UNIX, kinds[k] | SOCK_NONBLOCK, 0, p);
        char b[1000] = {0}; while (write(p[0], b, 1000) > 0); sprintf(w, "unix %d full", kinds[k]); all(p[0], w);
        int s = socket(AF_UNIX, kinds[k], 0); sprintf(w, "unix %d alone", kinds[k]); all(s, w); close(s);
    }
    int l = socket(AF_INET, SOCK_STREAM, 0); struct sockaddr_in a = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}}; socklen_t n = sizeof a;
    bind(l, (void *)&a, n); listen(l, 5); getsockname(l, (void *)&a, &n);
    int c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    all(c, "tcp closed"); all(l, "tcp listens");
    connect(c, (void *)&a, n); int s = accept(l, 0, 0);
    all(c, "tcp"); shutdown(c, SHUT_WR); all(c, "tcp shut"); 
    int u = socket(AF_INET, SOCK_DGRAM, 0); all(u, "udp alone");
    connect(u, (void *)&a, n); all(u, "udp"); shutdown(u, SHUT_WR); all(u, "udp shut");
    SHOW(sendto(u, bad, 1, 0, (void *)&a, 3)); SHOW(sendto(u, bad, 1, 0, (void *)8, n)); SHOW(sendto(u, bad, 70000, 0, (void*)&a, n));
    int q[2]; pipe2(q, 2048); printf("pipe\n"); struct iovec mixed[2] = {{"ab", 2}, {bad, 4}};
    SHOW(write(q[1], bad, 1)); SHOW(write(q[1], bad, 0)); SHOW(writev(q[1], mixed, 2)); close(q[0]); SHOW(write(q[1], bad, 1)); SHOW(write(q[1], bad, 0)); SHOW(writev(q[1], mixed, 2));
    return 0;
}

#include "t.h"

int main(void) {
    int p[2], sv[2];
    MUST(pipe(p)), MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
    put("f", "x");
    int fd = MUST(open("f", O_RDWR));
    struct pollfd f[6] = {{p[0], POLLIN}, {p[1], POLLOUT}, {sv[0], POLLIN | POLLOUT}, {fd, POLLIN | POLLOUT | POLLPRI}, {77, POLLIN}, {-1, POLLIN}};
#define ALL(n, ms) do { int r = poll(f, n, ms); printf("%d:", r); for (int i = 0; i < n; i++) printf(" %x", f[i].revents); puts(""); } while (0)
    ALL(6, 0);
    write(p[1], "x", 1), write(sv[1], "y", 1);
    ALL(4, 0);
    shutdown(sv[1], SHUT_WR);
    f[2].events |= POLLRDHUP;
    ALL(3, 0);
    close(sv[1]);
    ALL(3, 0);
    close(p[1]);
    ALL(2, 0);
    char c;
    read(p[0], &c, 1);
    ALL(1, 0);
    pipe(p);
    close(p[0]);
    f[0] = (struct pollfd){p[1], POLLOUT};
    ALL(1, 0);
    long t = now_ms();
    SHOW(poll(NULL, 0, 30));
    VAL(now_ms() - t >= 29);
    SHOW(poll(BAD, 1, 0));
    SHOW(poll(f, 2000000, 0));
    struct timespec ts = {0, -1};
    SHOW(ppoll(f, 1, &ts, NULL));
    ts.tv_nsec = 20 * MS;
    f[0].fd = -5;
    SHOW(ppoll(f, 1, &ts, NULL));
    VAL(f[0].revents);
    return 0;
}

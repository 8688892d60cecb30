#include "t.h"

int main(void) {
    int s = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)), e = MUST(epoll_create1(0));
    struct sockaddr_in a = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
    socklen_t l = sizeof a;
    MUST(bind(s, (void *)&a, sizeof a)), MUST(listen(s, 64)), MUST(getsockname(s, (void *)&a, &l));
    for (int i = 0; i < 10; i++)
        if (fork() == 0) {
            int c = MUST(socket(AF_INET, SOCK_STREAM, 0)), n = 0, r;
            char b[5000];
            MUST(connect(c, (void *)&a, sizeof a));
            memset(b, 'a' + i, sizeof b);
            for (int k = 0; k < 20; k++) MUST(write(c, b, sizeof b));
            shutdown(c, SHUT_WR);
            while ((r = read(c, b, sizeof b)) > 0)
                for (int k = 0; k < r; k++) n += b[k] == 'a' + i;
            _exit(n == 100000 ? 0 : 1);
        }
    struct epoll_event v[16], in = {EPOLLIN, {.fd = s}};
    MUST(epoll_ctl(e, EPOLL_CTL_ADD, s, &in));
    int closed = 0;
    static char *buffer[200];
    static int have[200], sent[200], ended[200];
    while (closed < 10) {
        int n = MUST(epoll_wait(e, v, 16, 5000));
        if (!n) break;
        for (int i = 0; i < n; i++) {
            int fd = v[i].data.fd;
            if (fd == s) {
                int k = accept4(s, NULL, NULL, SOCK_NONBLOCK);
                if (k == -1) continue;
                buffer[k] = malloc(200000), have[k] = sent[k] = ended[k] = 0;
                in = (struct epoll_event){EPOLLIN, {.fd = k}};
                MUST(epoll_ctl(e, EPOLL_CTL_ADD, k, &in));
                continue;
            }
            int r = ended[fd] ? 0 : read(fd, buffer[fd] + have[fd], 200000 - have[fd]);
            if (r > 0) have[fd] += r;
            if (r == 0) ended[fd] = 1;
            if (!ended[fd]) continue;
            int w = write(fd, buffer[fd] + sent[fd], have[fd] - sent[fd]);
            if (w > 0) sent[fd] += w;
            if (sent[fd] == have[fd]) close(fd), closed++;
            else in = (struct epoll_event){EPOLLOUT, {.fd = fd}}, epoll_ctl(e, EPOLL_CTL_MOD, fd, &in);
        }
    }
    VAL(closed);
    for (int i = 0; i < 10; i++) {
        int st;
        wait(&st);
        show_status(st);
    }
    return 0;
}

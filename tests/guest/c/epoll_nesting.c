/* Epoll lists that watch each other: loops, depth, and how many ways an event may take. */
#include "t.h"
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>

static int add(int epoll, int fd) {
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
}

static int wide(int fd, int width, int levels) { /* each list of a level watches all of the level below */
    int below[64] = {fd}, count = 1, above[64], error = 0, level;
    for (level = 0; level < levels && !error; level++) {
        for (int i = 0; i < width; i++) {
            above[i] = epoll_create1(0);
            for (int k = 0; k < count && !error; k++)
                if (add(above[i], below[k])) {
                    error = errno;
                    printf("width %d level %d list %d item %d: %s\n", width, level, i, k, strerrorname_np(error));
                }
        }
        memcpy(below, above, sizeof below);
        count = width;
    }
    struct epoll_event e;
    printf("width %d: level %d, ready %d\n", width, level, epoll_wait(below[0], &e, 1, 0));
    return error;
}

int main(void) {
    int p[2];
    if (pipe(p)) return 1;
    int chain[8];
    for (int i = 0; i < 8; i++) {
        chain[i] = epoll_create1(0);
        printf("chain %d: %d", i, add(chain[i], i ? chain[i - 1] : p[0]));
        printf(" %s\n", i > 4 ? strerrorname_np(errno) : "");
    }
    printf("loop: %d %s\n", add(chain[0], chain[3]), strerrorname_np(errno));
    printf("itself: %d %s\n", add(chain[0], chain[0]), strerrorname_np(errno));
    if (write(p[1], "x", 1) != 1) return 1;
    wide(p[0], 2, 4);
    wide(p[0], 3, 4);
    wide(p[0], 10, 4);
    wide(p[0], 30, 4);
    int top = epoll_create1(0), many = 0, error = 0;
    for (int i = 0; i < 700; i++) {
        int one = epoll_create1(0);
        if (add(one, p[0]) || add(top, one)) { error = errno; break; }
        many++;
    }
    printf("side by side: %d %s\n", many, error ? strerrorname_np(error) : "");
    return 0;
}

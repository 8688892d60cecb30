#include "t.h"
static int hits;
static void hit(int s) { hits++; }
struct mask {
    const sigset_t *set;
    size_t size;
};
#define PSELECT(n, r, w, t, ...) syscall(SYS_pselect6, n, r, w, NULL, t, __VA_ARGS__)

int main(void) {
    int fds[2];
    MUST(pipe(fds));
    MUST(dup2(fds[0], 60));
    fd_set r, w;
    sigset_t block, empty;
    sigemptyset(&empty);
    sigemptyset(&block);
    sigaddset(&block, SIGUSR1);
    handle(SIGUSR1, hit, 0);
    sigprocmask(SIG_BLOCK, &block, NULL);
    FD_ZERO(&r);
    FD_SET(60, &r);
    struct timespec t = {0, 10 * MS};
    SHOW(PSELECT(61, &r, NULL, &t, NULL));
    VAL(t.tv_sec * 1000000000 + t.tv_nsec);
    VAL(FD_ISSET(60, &r));
    raise(SIGUSR1);
    VAL(hits);
    struct mask m = {&empty, 8};
    t.tv_nsec = 500 * MS;
    FD_SET(60, &r);
    SHOW(PSELECT(61, &r, NULL, &t, &m));
    VAL(hits);
    VAL(t.tv_nsec > 0);
    raise(SIGUSR1);
    MUST(write(fds[1], "x", 1));
    SHOW(PSELECT(61, &r, NULL, &t, &m));
    VAL(hits);
    SHOW(PSELECT(60, &r, NULL, NULL, &(struct mask){&empty, 7}));
    SHOW(PSELECT(61, &r, NULL, NULL, &(struct mask){NULL, 8}));
    SHOW(PSELECT(61, &r, NULL, NULL, BAD));
    SHOW(PSELECT(-1, &r, NULL, NULL, NULL));
    SHOW(PSELECT(61, BAD, NULL, NULL, NULL));
    t = (struct timespec){0, 1000000000};
    SHOW(PSELECT(61, &r, NULL, &t, NULL));
    t = (struct timespec){-1, 0};
    SHOW(PSELECT(61, &r, NULL, &t, NULL));
    FD_ZERO(&w);
    FD_SET(fds[1], &w);
    FD_SET(59, &w);
    SHOW(PSELECT(61, NULL, &w, NULL, NULL));
    return 0;
}

/* A process of one user does something to a waiting process of another. */
#ifndef TWO_USERS_H
#define TWO_USERS_H
#include "t.h"
#include <sys/wait.h>

static inline void become(int user) {
    MUST(setgid(user));
    MUST(setuid(user));
}

/* `be(user, how)` in the one that waits; then `act(its pid)` in one of the user `other`. */
static inline void pair(const char *what, void (*be)(int, int), int user, int how, void (*act)(int), int other) {
    int ready[2];
    char one;
    printf("%s\n", what);
    fflush(stdout);
    MUST(pipe(ready));
    int target = MUST(fork());
    if (!target) {
        be(user, how);
        MUST(write(ready[1], "x", 1));
        for (;;)
            pause();
    }
    MUST(read(ready[0], &one, 1));
    int pid = MUST(fork());
    if (!pid) {
        become(other);
        act(target);
        fflush(stdout);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    kill(target, SIGKILL);
    waitpid(target, NULL, 0);
    close(ready[0]), close(ready[1]);
}
#endif

#include "t.h"

int main(void) {
    int a = MUST(open("f", O_RDWR | O_CREAT, 0644)), b = MUST(open("f", O_RDWR));
    SHOW(flock(a, LOCK_SH));
    SHOW(flock(b, LOCK_SH | LOCK_NB));
    SHOW(flock(a, LOCK_EX | LOCK_NB));
    SHOW(flock(b, LOCK_UN));
    SHOW(flock(a, LOCK_EX | LOCK_NB));
    SHOW(flock(b, LOCK_SH | LOCK_NB));
    int d = MUST(dup(a));
    SHOW(flock(d, LOCK_UN));
    SHOW(flock(b, LOCK_EX | LOCK_NB));
    pid_t p = MUST(fork());
    if (!p) {
        SHOW(flock(b, LOCK_EX | LOCK_NB)); /* the description's */
        int c = open("f", O_RDONLY);
        SHOW(flock(c, LOCK_EX | LOCK_NB));
        close(b);
        SHOW(flock(c, LOCK_EX | LOCK_NB));
        _exit(0);
    }
    reap(p);
    close(b);
    SHOW(flock(a, LOCK_EX | LOCK_NB));
    SHOW(flock(a, 0));
    SHOW(flock(a, LOCK_SH | LOCK_EX));
    SHOW(flock(a, 64));
    SHOW(flock(99, LOCK_SH));
    SHOW(flock(open("f", O_PATH), LOCK_SH));
    SHOW(flock(open(".", O_RDONLY), LOCK_EX));
    return 0;
}

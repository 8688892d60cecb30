#include "container_caps.h"
#define CLASS(c, d) ((c) << 13 | (d))
#define GET(which, who) syscall(SYS_ioprio_get, which, who)
#define SET(which, who, v) syscall(SYS_ioprio_set, which, who, v)

int main(void) {
    as_in_container();
    SHOW(SET(1, 0, CLASS(2, 3)));
    SHOW(GET(1, 0));
    SHOW(GET(1, getpid()));
    SHOW(SET(1, 0, CLASS(3, 0)));
    SHOW(GET(1, 0));
    SHOW(SET(1, 0, CLASS(1, 4)));
    SHOW(GET(1, 0));
    SHOW(SET(1, 0, CLASS(2, 9)));
    SHOW(SET(1, 0, CLASS(0, 1)));
    SHOW(SET(1, 0, CLASS(7, 0)));
    SHOW(SET(9, 0, CLASS(2, 0)));
    SHOW(GET(9, 0));
    SHOW(GET(1, 99999999));
    SHOW(SET(1, 99999999, CLASS(2, 0)));
    MUST(setpgid(0, 0));
    SHOW(SET(2, 0, CLASS(2, 6)));
    pid_t p = MUST(fork());
    if (!p) {
        SHOW(GET(1, 0));
        MUST(setuid(54321));
        SHOW(SET(1, 0, CLASS(2, 7)));
        SHOW(GET(1, 0));
        SHOW(SET(1, 0, CLASS(1, 4)));
        SHOW(SET(1, getppid(), CLASS(2, 7)));
        SHOW(GET(3, 54321));
        _exit(0);
    }
    reap(p);
    return 0;
}

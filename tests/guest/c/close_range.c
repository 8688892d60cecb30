#include "t.h"

static void which(void) {
    for (int i = 3; i < 40; i++)
        if (fcntl(i, F_GETFD) != -1) printf(" %d:%d", i, fcntl(i, F_GETFD));
    printf("\n");
}
#define RANGE(a, b, f) syscall(SYS_close_range, a, b, f)

int main(void) {
    for (int i = 3; i < 40; i++) close(i);
    for (int i = 10; i < 20; i++) MUST(dup2(1, i));
    SHOW(RANGE(12, 13, 0));
    which();
    SHOW(RANGE(15, 16, 4));
    which();
    SHOW(RANGE(13, 12, 0));
    SHOW(RANGE(10, 12, 8));
    SHOW(RANGE(50, 60, 0));
    SHOW(RANGE(18, ~0U, 0));
    which();
    pid_t p = MUST(syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0));
    if (!p) {
        SHOW(RANGE(10, ~0U, 2));
        which();
        _exit(0);
    }
    reap(p);
    which();
    SHOW(RANGE(3, ~0U, 0));
    which();
    return 0;
}

#include "t.h"

int main(void) {
    int p[2], before, after;
    MUST(pipe(p));
    if (fork() == 0) {
        pid_t middle = getpid();
        if (fork() == 0) {
            VAL(getppid() == middle);
            kill(middle, SIGKILL);
            while (getppid() == middle) nap(1);
            write(p[1], "x", 1);
            _exit(0);
        }
        pause();
    }
    char c;
    int s;
    wait(&s);
    show_status(s);
    read(p[0], &c, 1);
    MUST(prctl(PR_SET_CHILD_SUBREAPER, 1));
    int on = 0;
    prctl(PR_GET_CHILD_SUBREAPER, &on);
    VAL(on);
    pid_t me = getpid();
    if (fork() == 0) {
        if (fork() == 0) {
            while (getppid() != me) nap(1);
            _exit(44);
        }
        _exit(0);
    }
    for (int n = 0; n < 2; n++) {
        wait(&s);
        show_status(s);
    }
    SHOW(wait(NULL));
    return 0;
}

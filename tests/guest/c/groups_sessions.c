#include "t.h"

int main(void) {
    pid_t c = fork();
    if (c) {
        reap(c);
        return 0;
    }
    SHOW(setsid() == getpid());
    VAL(getsid(0) == getpid() && getpgrp() == getpid() && getpgid(0) == getpid());
    SHOW(setsid());
    SHOW(setpgid(0, 0));
    SHOW(getpgid(999999));
    SHOW(getsid(999999));
    SHOW(getsid(-1));
    SHOW(setpgid(-1, 0));
    SHOW(setpgid(0, -1));
    SHOW(setpgid(999999, 0));
    pid_t k = fork();
    if (k == 0) {
        pause();
        _exit(0);
    }
    SHOW(setpgid(k, k));
    VAL(getpgid(k) == k);
    SHOW(setpgid(k, 999999));
    pid_t k2 = fork();
    if (k2 == 0) {
        pause();
        _exit(0);
    }
    SHOW(setpgid(k2, k));
    SHOW(kill(-k, SIGTERM));
    int s;
    SHOW(waitpid(-k, &s, 0) > 0);
    show_status(s);
    SHOW(waitpid(-k, &s, 0) > 0);
    SHOW(waitpid(-k, &s, 0));
    k = fork();
    if (k == 0) {
        setsid();
        raise(SIGSTOP);
        execl("/bin/sleep", "sleep", "10", NULL);
    }
    waitpid(k, &s, WUNTRACED);
    SHOW(setpgid(k, getpid()));
    SHOW(kill(0, 0));
    SHOW(kill(k, SIGKILL));
    waitpid(k, &s, 0);
    int p[2];
    MUST(pipe(p));
    k = fork();
    if (k == 0) {
        char ch;
        close(p[1]);
        read(p[0], &ch, 1);
        execl("/bin/sleep", "sleep", "100", NULL);
    }
    close(p[0]);
    write(p[1], "x", 1);
    while (setpgid(k, k) == 0) nap(1);
    STR(ename(errno));
    kill(k, SIGKILL);
    return 0;
}

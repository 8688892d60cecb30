#include "t.h"

int main(void) {
    int s = 77;
    struct rusage u;
    siginfo_t i;
    setpgid(0, 0); /* a group other than 1, whose negative means every child */
    SHOW(wait4(-1, &s, 0, NULL));
    SHOW(waitid(P_ALL, 0, &i, WEXITED));
    pid_t p = MUST(fork());
    if (!p) _exit(5);
    SHOW(wait4(p, &s, 0x40, NULL));
    SHOW(waitid(P_PID, p, &i, 0));
    SHOW(waitid(99, p, &i, WEXITED));
    memset(&i, 0, sizeof i);
    SHOW(waitid(P_PID, p, &i, WEXITED | WNOWAIT));
    printf("%d %d %d %d\n", i.si_signo, i.si_code, i.si_status, i.si_pid == p);
    SHOW(waitid(P_PID, p, &i, WSTOPPED | WNOHANG));
    VAL(wait4(p, &s, 0, &u) == p);
    show_status(s);
    VAL(u.ru_utime.tv_sec);
    SHOW(wait4(p, &s, 0, NULL));
    SHOW(wait4(getppid(), &s, 0, NULL));
    SHOW(wait4(INT_MIN, &s, 0, NULL));
    int fds[2];
    MUST(pipe(fds));
    p = MUST(fork());
    if (!p) {
        char go;
        setpgid(0, 0);
        raise(SIGSTOP);
        read(fds[0], &go, 1);
        _exit(6);
    }
    SHOW(waitid(P_PID, p, &i, WSTOPPED));
    printf("%d %d\n", i.si_code, i.si_status);
    SHOW(waitid(P_PGID, p, &i, WEXITED | WNOHANG));
    VAL(i.si_pid);
    SHOW(waitid(P_PGID, getpgrp(), &i, WEXITED));
    SHOW(wait4(-getpgrp(), &s, 0, NULL));
    kill(p, SIGCONT);
    SHOW(waitid(P_PID, p, &i, WCONTINUED));
    printf("%d %d\n", i.si_code, i.si_status);
    MUST(write(fds[1], "x", 1));
    VAL(wait4(-p, &s, 0, NULL) == p);
    show_status(s);
    p = MUST(fork());
    if (!p) _exit(0);
    SHOW(wait4(p, BAD, 0, NULL));
    SHOW(wait4(p, NULL, 0, NULL));
    return 0;
}

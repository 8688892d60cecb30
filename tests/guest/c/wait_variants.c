#include "t.h"

int main(void) {
    int s;
    struct rusage u;
    siginfo_t i;
    SHOW(waitpid(-1, &s, 0));
    SHOW(waitpid(1, &s, 0));
    SHOW(waitpid(-1, &s, 0x40));
    SHOW(waitpid(INT_MIN, &s, 0));
    pid_t c = fork();
    if (c == 0) {
        pause();
        _exit(1);
    }
    SHOW(waitpid(c, &s, WNOHANG));
    SHOW(waitpid(-c, &s, WNOHANG));
    MUST(kill(c, SIGSTOP));
    VAL(waitpid(c, &s, WUNTRACED) == c);
    show_status(s);
    SHOW(waitpid(c, &s, WUNTRACED | WNOHANG));
    MUST(kill(c, SIGCONT));
    VAL(waitpid(c, &s, WCONTINUED) == c);
    show_status(s);
    MUST(kill(c, SIGTERM));
    memset(&i, 0, sizeof i);
    SHOW(waitid(P_PID, c, &i, WEXITED | WNOWAIT));
    printf("%d code %d status %d\n", i.si_signo, i.si_code, i.si_status);
    VAL(i.si_pid == c);
    SHOW(waitid(P_ALL, 0, &i, WEXITED));
    memset(&i, 7, sizeof i);
    SHOW(waitid(P_ALL, 0, &i, WEXITED));
    SHOW(waitid(P_ALL, 0, &i, 0));
    SHOW(waitid(77, 0, &i, WEXITED));
    c = fork();
    if (c == 0) _exit(0x1ff);
    VAL(wait4(c, &s, 0, &u) == c);
    show_status(s);
    VAL(u.ru_maxrss >= 0);
    c = fork();
    if (c == 0) {
        nap(30);
        _exit(5);
    }
    i.si_pid = 1;
    SHOW(waitid(P_PID, c, &i, WEXITED | WNOHANG));
    VAL(i.si_pid);
    SHOW(waitid(P_PGID, 0, &i, WEXITED));
    printf("code %d status %d\n", i.si_code, i.si_status);
    c = fork();
    if (c == 0) abort();
    wait(&s);
    printf("%x\n", s & 0x7f);
    c = fork();
    if (c == 0) _exit(0);
    SHOW(waitpid(c, BAD, 0));
    SHOW(waitpid(c, &s, 0));
    return 0;
}

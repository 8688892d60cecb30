#include "t.h"

static volatile int got, code, status;
static void on(int s, siginfo_t *i, void *u) { got++, code = i->si_code, status = i->si_status; }
int main(void) {
    struct sigaction a = {.sa_sigaction = on, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGCHLD, &a, NULL);
    pid_t c = fork();
    if (c == 0) _exit(3);
    reap(c);
    printf("%d code %d status %d\n", got, code, status);
    c = fork();
    if (c == 0) raise(SIGKILL);
    reap(c);
    printf("%d code %d status %d\n", got, code, status);
    c = fork();
    if (c == 0) {
        raise(SIGSTOP);
        _exit(0);
    }
    int s;
    waitpid(c, &s, WUNTRACED);
    while (got < 3) nap(1);
    printf("%d code %d status %d\n", got, code, status);
    kill(c, SIGCONT);
    waitpid(c, &s, 0);
    while (got < 4) nap(1);
    a.sa_flags |= SA_NOCLDSTOP;
    sigaction(SIGCHLD, &a, NULL);
    signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < 3; i++)
        if (fork() == 0) _exit(0);
    SHOW(wait(NULL));
    a.sa_flags = SA_SIGINFO | SA_NOCLDWAIT | SA_RESTART;
    sigaction(SIGCHLD, &a, NULL);
    if (fork() == 0) _exit(0);
    SHOW(wait(NULL));
    return 0;
}

#include "t.h"

int main(void) {
    sigset_t m;
    struct signalfd_siginfo i[3];
    sigemptyset(&m), sigaddset(&m, SIGUSR1), sigaddset(&m, SIGUSR2), sigaddset(&m, SIGCHLD);
    sigprocmask(SIG_BLOCK, &m, NULL);
    int f = MUST(signalfd(-1, &m, SFD_NONBLOCK | SFD_CLOEXEC));
    SHOW(read(f, i, sizeof i));
    SHOW(read(f, i, 10));
    raise(SIGUSR2), kill(getpid(), SIGUSR1);
    struct pollfd p = {f, POLLIN};
    SHOW(poll(&p, 1, 0));
    SHOW(read(f, i, sizeof i) / (long)sizeof *i);
    printf("%d code %d, %d code %d\n", i[0].ssi_signo, i[0].ssi_code, i[1].ssi_signo, i[1].ssi_code);
    VAL(i[0].ssi_pid == getpid());
    SHOW(poll(&p, 1, 0));
    union sigval v = {.sival_int = 99};
    sigqueue(getpid(), SIGUSR1, v);
    SHOW(read(f, i, sizeof *i) / (long)sizeof *i);
    VAL(i[0].ssi_int);
    if (fork() == 0) _exit(4);
    SHOW(poll(&p, 1, 2000));
    read(f, i, sizeof *i);
    printf("%d status %d code %d\n", i[0].ssi_signo, i[0].ssi_status, i[0].ssi_code);
    wait(NULL);
    sigdelset(&m, SIGUSR1);
    SHOW(signalfd(f, &m, 0) == f);
    raise(SIGUSR1);
    SHOW(read(f, i, sizeof *i));
    SHOW(signalfd(99, &m, 0));
    SHOW(signalfd(0, &m, 0));
    SHOW(signalfd(-1, &m, 77));
    SHOW(syscall(SYS_signalfd4, -1, &m, 4, 0));
    SHOW(syscall(SYS_signalfd4, -1, BAD, 8, 0));
    SHOW(write(f, i, 128));
    return 0;
}

#include "t.h"

int main(void) {
    SHOW(kill(getpid(), 0));
    SHOW(kill(getpid(), 65));
    SHOW(kill(getpid(), -1));
    SHOW(kill(999999, 0));
    SHOW(kill(-999999, SIGTERM));
    SHOW(kill(INT_MIN, 0));
    SHOW(syscall(SYS_tkill, 0, 0));
    SHOW(syscall(SYS_tkill, 999999, 0));
    SHOW(syscall(SYS_tgkill, getpid(), getpid(), 0));
    SHOW(syscall(SYS_tgkill, getpid(), 1, 0));
    SHOW(syscall(SYS_tgkill, -1, 1, 0));
    siginfo_t i = {.si_code = SI_USER};
    SHOW(syscall(SYS_rt_sigqueueinfo, getppid(), SIGCONT, &i));
    i.si_code = SI_QUEUE;
    SHOW(syscall(SYS_rt_sigqueueinfo, getpid(), 0, &i));
    SHOW(syscall(SYS_rt_sigqueueinfo, getpid(), SIGCONT, BAD));
    SHOW(syscall(SYS_rt_sigaction, SIGKILL, NULL, NULL, 8));
    SHOW(signal(SIGKILL, SIG_IGN) == SIG_ERR);
    SHOW((long)signal(SIGSTOP, SIG_IGN));
    SHOW((long)signal(0, SIG_IGN));
    SHOW((long)signal(65, SIG_IGN));
    SHOW(syscall(SYS_rt_sigaction, SIGUSR1, BAD, NULL, 8));
    SHOW(syscall(SYS_rt_sigaction, SIGUSR1, NULL, BAD, 8));
    SHOW(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4));
    SHOW(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, NULL, 16));
    SHOW(syscall(SYS_rt_sigprocmask, 9, &(sigset_t){0}, NULL, 8));
    SHOW(syscall(SYS_rt_sigprocmask, 9, NULL, NULL, 8));
    SHOW(syscall(SYS_rt_sigprocmask, SIG_BLOCK, BAD, NULL, 8));
    SHOW(syscall(SYS_rt_sigpending, BAD, 8));
    SHOW(syscall(SYS_rt_sigsuspend, BAD, 8));
    pid_t c = fork();
    if (c == 0) {
        MUST(setuid(1000));
        SHOW(kill(getppid(), 0));
        SHOW(kill(getppid(), SIGCONT));
        _exit(0);
    }
    reap(c);
    return 0;
}

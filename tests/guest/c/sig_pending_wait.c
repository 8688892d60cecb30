#include "t.h"

int main(void) {
    sigset_t s, got;
    siginfo_t i;
    struct timespec soon = {0, 20 * MS}, bad = {0, 1000000000};
    sigemptyset(&s);
    sigaddset(&s, SIGUSR1);
    sigaddset(&s, SIGUSR2);
    sigaddset(&s, SIGRTMIN + 1);
    MUST(sigprocmask(SIG_BLOCK, &s, NULL));
    SHOW(sigtimedwait(&s, &i, &soon));
    SHOW(sigtimedwait(&s, &i, &bad));
    raise(SIGUSR2);
    raise(SIGUSR2);
    raise(SIGUSR1);
    sigqueue(getpid(), SIGRTMIN + 1, (union sigval){5});
    sigqueue(getpid(), SIGRTMIN + 1, (union sigval){6});
    SHOW(sigpending(&got));
    VAL(sigismember(&got, SIGUSR1) + 2 * sigismember(&got, SIGUSR2) + 4 * sigismember(&got, SIGRTMIN + 1));
    for (int n = 0; n < 5; n++) {
        int r = sigtimedwait(&s, &i, &soon);
        printf("%d %d %d\n", r, r == -1 ? errno : i.si_code, r == SIGRTMIN + 1 ? i.si_value.sival_int : 0);
    }
    raise(SIGUSR1);
    signal(SIGUSR1, SIG_IGN); /* discards */
    sigpending(&got);
    VAL(sigismember(&got, SIGUSR1));
    SHOW(syscall(SYS_rt_sigtimedwait, &s, &i, &soon, 7));
    SHOW(syscall(SYS_rt_sigtimedwait, BAD, &i, &soon, 8));
    SHOW(syscall(SYS_rt_sigpending, &got, 9));
    SHOW(syscall(SYS_rt_sigpending, BAD, 8));
    SHOW(syscall(SYS_rt_sigsuspend, &got, 7));
    SHOW(syscall(SYS_rt_sigsuspend, BAD, 8));
    pid_t p = MUST(fork());
    if (!p) {
        sigpending(&got);
        VAL(sigisemptyset(&got));
        _exit(0);
    }
    reap(p);
    return 0;
}

/* ptrace(2): signal-delivery-stops and group stops of a tracee that was attached to the old way. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int seen, code, value;
static void handler(int signo, siginfo_t *si, void *uc) { seen = signo, code = si->si_code, value = si->si_value.sival_int; }
static void say(const char *what, long result) { printf("%s: %ld %d\n", what, result, result == -1 ? errno : 0); }
static int wait_for(int pid, const char *what) {
    int status = 0;
    int got = waitpid(pid, &status, __WALL);
    printf("%s: %s %x\n", what, got == pid ? "ok" : got < 0 ? "none" : "not it", status);
    return status;
}
static void siginfo(int pid) {
    siginfo_t si;
    memset(&si, 0, sizeof si);
    errno = 0;
    int got = ptrace(PTRACE_GETSIGINFO, pid, 0, &si);
    printf("  siginfo %d errno %d: %d %x\n", got, errno, si.si_signo, si.si_code);
}
static void child(void) {
    struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    for (int s = SIGUSR1; s <= SIGUSR2; s += SIGUSR2 - SIGUSR1) sigaction(s, &sa, 0);
    sigaction(SIGRTMIN, &sa, 0);
    signal(SIGHUP, SIG_IGN);
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    raise(SIGUSR1);                             /* dropped */
    int first = seen;
    raise(SIGUSR1);                             /* becomes SIGUSR2 */
    int second = seen, second_code = code;
    sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 5}); /* its value is changed */
    int third = value;
    raise(SIGHUP);                              /* ignored, and seen by the tracer all the same */
    raise(SIGCHLD);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, 0);
    seen = 0;
    raise(SIGUSR1);
    for (int i = 0; i < 3; i++) sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 10 + i});
    raise(SIGUSR2);                             /* becomes SIGUSR1, which is blocked: it stays pending */
    int fourth = seen;
    sigpending(&set);
    int pending = sigismember(&set, SIGUSR1);
    raise(SIGSTOP);                             /* delivered: a group stop */
    kill(getpid(), SIGTERM);                    /* dropped */
    _exit((first == 0) | (second == SIGUSR2 && second_code == SI_USER) << 1 | (third == 6) << 2 | (fourth == 0) << 3 | pending << 4);
}

int main(void) {
    setvbuf(stdout, 0, _IONBF, 0);
    int pid = fork();
    if (!pid) child();
    int status = wait_for(pid, "stop");
    siginfo(pid);
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "usr1");
    siginfo(pid);
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "usr1");
    ptrace(PTRACE_CONT, pid, 0, SIGUSR2);
    wait_for(pid, "rt");
    siginfo_t si;
    ptrace(PTRACE_GETSIGINFO, pid, 0, &si);
    printf("  value %d\n", si.si_value.sival_int);
    si.si_value.sival_int = 6;
    ptrace(PTRACE_SETSIGINFO, pid, 0, &si);
    ptrace(PTRACE_CONT, pid, 0, SIGRTMIN);
    wait_for(pid, "ignored");
    ptrace(PTRACE_CONT, pid, 0, SIGHUP);
    wait_for(pid, "chld");
    ptrace(PTRACE_CONT, pid, 0, SIGCHLD);
    wait_for(pid, "usr2");
    unsigned long mask = 0;
    int got = ptrace(PTRACE_GETSIGMASK, pid, 8, &mask);
    printf("mask %d %lx\n", got, mask);
    say("short mask", ptrace(PTRACE_GETSIGMASK, pid, 4, &mask));
    struct { unsigned long off; unsigned flags; int nr; } peek = {0, 0, 8};
    siginfo_t list[8];
    got = ptrace(0x4209, pid, &peek, list);
    printf("pending for the thread %d: %d\n", got, list[0].si_signo);
    peek.flags = 1;
    got = ptrace(0x4209, pid, &peek, list);
    printf("for the process %d:", got);
    for (int i = 0; i < got; i++) printf(" %d (%d)", list[i].si_signo, list[i].si_value.sival_int);
    peek.off = 2;
    say("\nfrom the third", ptrace(0x4209, pid, &peek, list));
    say("no such signal", ptrace(PTRACE_CONT, pid, 0, 65));
    ptrace(PTRACE_CONT, pid, 0, SIGUSR1);
    wait_for(pid, "to stop");
    siginfo(pid);
    ptrace(PTRACE_CONT, pid, 0, SIGSTOP);
    wait_for(pid, "group stop");
    siginfo(pid);
    ptrace(PTRACE_CONT, pid, 0, 0);             /* it runs although the group is stopped */
    wait_for(pid, "term");
    siginfo(pid);
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "exit");
    say("running:", ptrace(PTRACE_CONT, pid, 0, 0));
    return 0;
}

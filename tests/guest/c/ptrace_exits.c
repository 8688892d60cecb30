#include "t.h"
/* PTRACE_EVENT_EXIT of who is killed, ended by another thread or by execve(2); a leader is waited for after its threads. */
#include <sys/ptrace.h>
#include <sys/user.h>

static void *sleeper(void *a) {
    for (;;) pause();
}
static void *runner(void *a) {
    for (;;) atomic_signal_fence(memory_order_seq_cst);
}
static void stops(const char *what, pid_t leader, pid_t pid, int s) {
    unsigned long message = 0;
    printf("%s: %s ", what, pid == leader ? "leader" : pid > 0 ? "thread" : ename(errno));
    if (pid > 0 && WIFSTOPPED(s)) {
        long r = ptrace(PTRACE_GETEVENTMSG, pid, 0, &message);
        printf("stopped by %d event %d message %lx %ld\n", WSTOPSIG(s), s >> 16, s >> 16 == PTRACE_EVENT_EXIT ? message : 0, r);
    } else if (pid > 0) show_status(s);
    else puts("");
}
static pid_t traced(void (*body)(void)) {
    int s;
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        alarm(20);
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        body();
        _exit(1);
    }
    waitpid(pid, &s, 0);
    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC);
    return pid;
}
static void one(const char *what, pid_t pid) {
    int s = 0;
    pid_t found = waitpid(pid, &s, __WALL);
    stops(what, pid, found, s);
}
/* Everything that happens. Two threads stop at the same time: which is first is not said. */
static void all(const char *what, pid_t leader) {
    int s;
    for (;;) {
        pid_t pid = waitpid(-1, &s, __WALL);
        if (pid < 0) break;
        if (WIFSTOPPED(s) && s >> 16 == PTRACE_EVENT_EXIT) {
            unsigned long message = 0;
            int s2, other = pid == leader ? 0 : 1;
            ptrace(PTRACE_GETEVENTMSG, pid, 0, &message);
            pid_t second = waitpid(-1, &s2, __WALL | WNOHANG);
            for (int i = 0; i < 200 && second == 0; i++) nap(1), second = waitpid(-1, &s2, __WALL | WNOHANG);
            printf("%s: %s stopped at its end, message %lx\n", what, second > 0 ? "both" : other ? "thread" : "leader", message);
            if (second > 0) ptrace(PTRACE_CONT, pid == leader ? pid : second, 0, 0), nap(20), SHOW(waitpid(leader, &s, __WALL | WNOHANG));
            ptrace(PTRACE_CONT, second > 0 && pid == leader ? second : pid, 0, 0);
            continue;
        }
        stops(what, leader, pid, s);
        if (WIFSTOPPED(s)) ptrace(PTRACE_CONT, pid, 0, WSTOPSIG(s) == SIGSTOP || WSTOPSIG(s) == SIGTRAP ? 0 : WSTOPSIG(s));
    }
}
static void waits(void) {
    for (;;) pause();
}
static void turns(void) { runner(NULL); }
static void with_thread(void *(*f)(void *)) {
    pthread_t id;
    pthread_create(&id, NULL, f, NULL);
    nap(50);
}
static void group_exit(void) { with_thread(sleeper), _exit(7); }
static void group_exit_running(void) { with_thread(runner), _exit(7); }
static void kills_itself(void) { with_thread(sleeper), kill(getpid(), SIGKILL), waits(); }
static void faults(void) { with_thread(sleeper), raise(SIGTERM); }
static void executes(void) { with_thread(sleeper), execl("/bin/true", "true", NULL); }
static void *exits(void *a) {
    nap(120);
    syscall(SYS_exit, 3);
}
static void leader_first(void) {
    pthread_t id;
    pthread_create(&id, NULL, exits, NULL);
    nap(50); /* until the thread has gone on from its first stop */
    syscall(SYS_exit, 5);
}

int main(void) {
    struct rlimit none = {0, 0};
    struct user_regs_struct regs;
    siginfo_t info;
    int s;
    alarm(40), setrlimit(RLIMIT_CORE, &none);
    pid_t pid = traced(waits);
    SHOW(kill(pid, SIGKILL)), one("killed while it was stopped", pid);
    SHOW(ptrace(PTRACE_GETREGS, pid, 0, &regs)), SHOW(ptrace(PTRACE_GETSIGINFO, pid, 0, &info)), VAL(info.si_signo), VAL(info.si_code);
    SHOW(ptrace(PTRACE_CONT, pid, 0, 0)), one("killed", pid);
    for (int running = 0; running < 2; running++) {
        pid = traced(running ? turns : waits);
        ptrace(PTRACE_CONT, pid, 0, 0), nap(50);
        SHOW(kill(pid, SIGKILL)), one(running ? "killed while it ran" : "killed while it slept", pid);
        SHOW(ptrace(PTRACE_GETREGS, pid, 0, &regs)), VAL((long)regs.orig_rax);
        SHOW(kill(pid, SIGKILL)), nap(20), SHOW(waitpid(pid, &s, __WALL | WNOHANG));
        SHOW(ptrace(running ? PTRACE_DETACH : PTRACE_CONT, pid, 0, 0)), one("killed", pid);
    }
    pid = traced(waits), ptrace(PTRACE_CONT, pid, 0, 0), nap(20), kill(pid, SIGTERM), waitpid(pid, &s, 0);
    SHOW(ptrace(PTRACE_CONT, pid, 0, SIGTERM)), one("ended by a signal", pid), SHOW(ptrace(PTRACE_CONT, pid, 0, 0)), one("ended by a signal", pid);
    pid = traced(group_exit), ptrace(PTRACE_CONT, pid, 0, 0), all("exit_group", pid);
    pid = traced(group_exit_running), ptrace(PTRACE_CONT, pid, 0, 0), all("exit_group, one runs", pid);
    pid = traced(kills_itself), ptrace(PTRACE_CONT, pid, 0, 0), all("SIGKILL", pid);
    pid = traced(faults), ptrace(PTRACE_CONT, pid, 0, 0), all("SIGTERM", pid);
    pid = traced(executes), ptrace(PTRACE_CONT, pid, 0, 0), all("execve", pid);
    pid = traced(leader_first), ptrace(PTRACE_CONT, pid, 0, 0), all("leader first", pid);
    /* the tracer's end lets them go */
    fflush(stdout);
    int ends[2];
    pipe(ends);
    if (!fork()) {
        pid = traced(waits);
        ptrace(PTRACE_CONT, pid, 0, 0), nap(20), kill(pid, SIGKILL), waitpid(pid, &s, __WALL);
        stops("the tracer ends", pid, pid, s);
        exit(0);
    }
    close(ends[1]), wait(NULL);
    char byte;
    SHOW(read(ends[0], &byte, 1));
    return 0;
}

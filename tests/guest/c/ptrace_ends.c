/* ptrace(2): the ends: of a tracer, of a tracee in every kind of stop, and who hears of it. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int *shared;
static void say(const char *what, long result) { printf("%s: %ld %d\n", what, result, result == -1 ? errno : 0); }
static int wait_for(int pid, const char *what) {
    int status = 0;
    int got = waitpid(pid, &status, __WALL);
    printf("%s: %s %x\n", what, got == pid ? "ok" : got < 0 ? "none" : "not it", status);
    return status;
}
static void nothing(int pid, const char *what) {
    int status = 0;
    printf("%s: %d\n", what, waitpid(pid, &status, __WALL | WNOHANG));
}
static char state(int pid) {
    char path[64], line[512];
    sprintf(path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f) return '-';
    line[0] = 0;
    fgets(line, sizeof line, f);
    fclose(f);
    return line[0] ? strrchr(line, ')')[2] : '-';
}
static void until(int pid, char wanted) { while (state(pid) != wanted) usleep(1000); }
static int sleeper(void) {
    int pid = fork();
    if (!pid) for (;;) pause();
    until(pid, 'S');
    return pid;
}

/* What a tracer does with `pid` before it ends, in another process than the tracee's parent. */
enum { RUNS, SIGNALLED, UNSEEN, AT_CALL, INTERRUPTED, GROUP_STOPPED, LISTENS, EXITKILL, KINDS };
static const char *names[] = {"runs", "signalled", "unseen", "at a call", "interrupted", "group-stopped", "listens", "exitkill"};
static void trace(int pid, int kind) {
    int status;
    ptrace(PTRACE_SEIZE, pid, 0, kind == EXITKILL ? PTRACE_O_EXITKILL : 0);
    if (kind == SIGNALLED || kind == UNSEEN) {
        kill(pid, SIGUSR1);
        if (kind == SIGNALLED) waitpid(pid, &status, 0);
        else until(pid, 't');
    } else if (kind == AT_CALL || kind == INTERRUPTED) {
        ptrace(PTRACE_INTERRUPT, pid, 0, 0);
        waitpid(pid, &status, 0);
        if (kind == AT_CALL) {
            ptrace(PTRACE_SYSCALL, pid, 0, 0);
            waitpid(pid, &status, 0);
        }
    } else if (kind == GROUP_STOPPED || kind == LISTENS) {
        kill(pid, SIGSTOP);
        waitpid(pid, &status, 0);
        ptrace(PTRACE_CONT, pid, 0, SIGSTOP);
        waitpid(pid, &status, 0);
        if (kind == LISTENS) ptrace(PTRACE_LISTEN, pid, 0, 0);
    }
}

static void tracer_ends(int kind) {
    int pid = sleeper();
    int tracer = fork();
    if (!tracer) {
        trace(pid, kind);
        _exit(0);
    }
    waitpid(tracer, 0, 0);
    printf("%s: ", names[kind]);
    if (kind == EXITKILL || kind == UNSEEN) {
        wait_for(pid, "the tracee");
        return;
    }
    if (kind == GROUP_STOPPED || kind == LISTENS) {
        until(pid, 'T');
        kill(pid, SIGCONT);
    }
    until(pid, 'S');
    kill(pid, SIGTERM);
    wait_for(pid, "the tracee");
}

static void tracee_killed(int kind) {
    int pid = sleeper();
    int pipes[2], back[2];
    pipe(pipes);
    pipe(back);
    int tracer = fork();
    if (!tracer) {
        char c;
        int status = 0;
        trace(pid, kind);
        write(pipes[1], "x", 1);
        read(back[0], &c, 1);
        int got = waitpid(pid, &status, 0);
        _exit(got == pid && WIFSIGNALED(status) ? WTERMSIG(status) : 99);
    }
    char c;
    read(pipes[0], &c, 1);
    kill(pid, SIGKILL);
    until(pid, 'Z');
    printf("%s: ", names[kind]);
    nothing(pid, "not for the parent yet");
    write(back[1], "x", 1);
    wait_for(tracer, "the tracer has seen");
    wait_for(pid, "the parent");
}

static void *sleeps(void *arg) {
    shared[1] = syscall(SYS_gettid);
    for (;;) pause();
}
static void *ends(void *arg) {
    shared[1] = syscall(SYS_gettid);
    while (!shared[0]) usleep(1000);
    syscall(SYS_exit, 5);
}
static int threaded(void *(*body)(void *)) {
    shared[0] = shared[1] = 0;
    int pid = fork();
    if (!pid) {
        pthread_t t;
        pthread_create(&t, 0, body, 0);
        for (;;) pause();
    }
    while (!shared[1]) usleep(1000);
    return pid;
}

int main(void) {
    setvbuf(stdout, 0, _IONBF, 0);
    shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int kind = 0; kind < KINDS; kind++) tracer_ends(kind);
    for (int kind = 0; kind < KINDS; kind++) tracee_killed(kind);
    puts("a thread of the tracer");
    int pid = sleeper();
    ptrace(PTRACE_SEIZE, pid, 0, 0);
    ptrace(PTRACE_INTERRUPT, pid, 0, 0);
    wait_for(pid, "ours");
    int helper = fork();
    if (!helper) {
        long r = ptrace(PTRACE_CONT, pid, 0, 0);
        _exit(r == -1 && errno == ESRCH);
    }
    wait_for(helper, "not another's");
    ptrace(PTRACE_DETACH, pid, 0, 0);
    kill(pid, SIGKILL);
    wait_for(pid, "killed");
    puts("threads");
    pid = threaded(sleeps);
    int tid = shared[1];
    say("seize a thread", ptrace(PTRACE_SEIZE, tid, 0, 0));
    ptrace(PTRACE_INTERRUPT, tid, 0, 0);
    wait_for(tid, "the thread");
    nothing(pid, "not the process");
    kill(pid, SIGTERM);
    wait_for(tid, "the thread");
    wait_for(pid, "the process");
    nothing(tid, "gone");
    pid = threaded(ends);
    tid = shared[1];
    say("attach", ptrace(PTRACE_ATTACH, tid, 0, 0));
    wait_for(tid, "the thread");
    ptrace(PTRACE_CONT, tid, 0, 0);
    shared[0] = 1;
    siginfo_t si = {0};
    say("waitid", waitid(P_PID, tid, &si, WEXITED | WNOWAIT | __WALL));
    printf("%d %d %d\n", si.si_code, si.si_status, si.si_pid == tid);
    wait_for(tid, "ended");
    nothing(tid, "gone");
    nothing(pid, "not the process");
    say("attach", ptrace(PTRACE_ATTACH, pid, 0, 0));
    wait_for(pid, "the process");
    memset(&si, 0, sizeof si);
    say("kill", kill(pid, SIGKILL));
    wait_for(pid, "the process");
    say("dumpable", prctl(PR_SET_DUMPABLE, 0));
    int me = getpid();
    helper = fork();
    if (!helper) {
        char path[64];
        setresgid(77, 77, 77);
        setresuid(77, 77, 77);
        sprintf(path, "/proc/%d/mem", me);
        int r = fopen(path, "r") == 0 && errno == EACCES;
        _exit(r);
    }
    wait_for(helper, "not readable");
    return 0;
}

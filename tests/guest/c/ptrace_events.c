/* ptrace(2): the events of fork, vfork, clone, execve, exit and seccomp, and children that are traced from birth. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static char *self;
static void say(const char *what, long result) { printf("%s: %ld %d\n", what, result, result == -1 ? errno : 0); }
static int wait_for(int pid, const char *what) {
    int status = 0;
    int got = waitpid(pid, &status, __WALL);
    printf("%s: %s %x\n", what, got == pid ? "ok" : got < 0 ? "none" : "not it", status);
    return status;
}
static long message(int pid) {
    unsigned long m = 0;
    ptrace(PTRACE_GETEVENTMSG, pid, 0, &m);
    return m;
}
static void *thread(void *arg) { return arg; }
static void *execs(void *arg) {
    execl(self, self, "exits", (char *)0);
    return 0;
}

static int begin(void (*body)(void), long options, int seize) {
    int pipes[2];
    pipe(pipes);
    int pid = fork();
    if (!pid) {
        if (!seize) {
            ptrace(PTRACE_TRACEME, 0, 0, 0);
            raise(SIGSTOP);
        } else {
            char c;
            read(pipes[0], &c, 1);
        }
        body();
        _exit(1);
    }
    if (seize) {
        say("seize", ptrace(PTRACE_SEIZE, pid, 0, options));
        write(pipes[1], "x", 1);
    } else {
        wait_for(pid, "begin");
        say("options", ptrace(PTRACE_SETOPTIONS, pid, 0, options));
        ptrace(PTRACE_CONT, pid, 0, 0);
    }
    close(pipes[0]);
    close(pipes[1]);
    return pid;
}

static void forks(void) {
    int child = fork();
    if (!child) _exit(3);
    waitpid(child, 0, 0);
    child = vfork();
    if (!child) _exit(4);
    waitpid(child, 0, 0);
    pthread_t t;
    pthread_create(&t, 0, thread, 0);
    pthread_join(t, 0);
    _exit(5);
}
static void plain_exec(void) { execl(self, self, "exits", (char *)0); }
static void thread_exec(void) {
    pthread_t t;
    pthread_create(&t, 0, execs, 0);
    for (;;) pause();
}
static void dies(void) { kill(getpid(), SIGTERM); }
static void filtered(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | 55),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {4, code};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
    int first = syscall(SYS_getppid) > 0, second = syscall(SYS_getppid) == -1, number = errno;
    _exit(first | second << 1 | (number == ENOSYS) << 2);
}

static void family(int seize) {
    int pid = begin(forks, PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT, seize);
    for (int n = 0; n < 3; n++) {
        wait_for(pid, "made");
        int child = message(pid);
        wait_for(child, "child");
        ptrace(PTRACE_CONT, child, 0, 0);
        if (n == 2) {
            wait_for(child, "thread exits");
            printf("message %lx\n", message(child));
            ptrace(PTRACE_CONT, child, 0, 0);
            wait_for(child, "thread");
            ptrace(PTRACE_CONT, pid, 0, 0);
            break;
        }
        ptrace(PTRACE_CONT, pid, 0, 0);
        wait_for(child, "child exits");
        printf("message %lx\n", message(child));
        ptrace(PTRACE_CONT, child, 0, 0);
        if (n == 1) {
            wait_for(pid, "vfork done");
            printf("message %d\n", message(pid) == child);
            ptrace(PTRACE_CONT, pid, 0, 0);
        }
        wait_for(child, "child");
        wait_for(pid, "chld");
        ptrace(PTRACE_CONT, pid, 0, SIGCHLD);
    }
    wait_for(pid, "exits");
    printf("message %lx\n", message(pid));
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "end");
}

int main(int argc, char **argv) {
    if (argc > 1) return 6;
    self = argv[0];
    setvbuf(stdout, 0, _IONBF, 0);
    family(0);
    family(1);
    puts("execve");
    int pid = begin(plain_exec, 0, 0);
    int status = wait_for(pid, "executed");
    struct user_regs_struct r;
    ptrace(PTRACE_GETREGS, pid, 0, &r);
    printf("orig_rax %lld rax %lld\n", r.orig_rax, r.rax);
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "end");
    pid = begin(plain_exec, 0, 1);
    wait_for(pid, "end");
    pid = begin(plain_exec, PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD, 1);
    wait_for(pid, "executed");
    printf("message %d\n", message(pid) == pid);
    ptrace(PTRACE_GETREGS, pid, 0, &r);
    printf("orig_rax %lld rax %lld\n", r.orig_rax, r.rax);
    ptrace(PTRACE_SYSCALL, pid, 0, 0);
    wait_for(pid, "exit of execve");
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "end");
    puts("by a thread");
    pid = begin(thread_exec, PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE, 0);
    wait_for(pid, "made");
    int child = message(pid);
    wait_for(child, "thread");
    ptrace(PTRACE_CONT, child, 0, 0);
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "executed");
    printf("message %d\n", message(pid) == child);
    say("the thread is gone", ptrace(PTRACE_CONT, child, 0, 0));
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "end");
    puts("a signal");
    pid = begin(dies, PTRACE_O_TRACEEXIT, 0);
    wait_for(pid, "term");
    ptrace(PTRACE_CONT, pid, 0, SIGTERM);
    wait_for(pid, "exits");
    printf("message %lx\n", message(pid));
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "end");
    puts("seccomp");
    pid = begin(filtered, PTRACE_O_TRACESECCOMP, 0);
    wait_for(pid, "filter");
    printf("message %ld\n", message(pid));
    ptrace(PTRACE_GETREGS, pid, 0, &r);
    printf("orig_rax %lld rax %lld\n", r.orig_rax, r.rax);
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "filter");
    ptrace(PTRACE_SETOPTIONS, pid, 0, 0);
    ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, orig_rax), -1l);
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "end");
    return 0;
}

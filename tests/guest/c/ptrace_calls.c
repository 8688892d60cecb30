/* ptrace(2): system call stops: numbers, arguments and results are seen and changed. */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *what, long result) { printf("%s: %ld %d\n", what, result, result == -1 ? errno : 0); }
static int wait_for(int pid, const char *what) {
    int status = 0;
    int got = waitpid(pid, &status, __WALL);
    printf("%s: %s %x\n", what, got == pid ? "ok" : "not it", status);
    return status;
}

static void info(int pid) {
    struct __ptrace_syscall_info i;
    memset(&i, 0, sizeof i);
    long size = ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof i, &i);
    printf("  info size %ld op %d arch %x", size, i.op, i.arch);
    if (i.op == 1) printf(" nr %lld first %llx", i.entry.nr, i.entry.args[0]);
    struct user_regs_struct r;
    ptrace(PTRACE_GETREGS, pid, 0, &r);
    if (i.op == 2) printf(" rval %lld error %d", r.orig_rax == SYS_getppid ? i.exit.rval == getpid() : i.exit.rval, i.exit.is_error);
    unsigned long message = 77;
    ptrace(PTRACE_GETEVENTMSG, pid, 0, &message);
    siginfo_t si;
    memset(&si, 0, sizeof si);
    int got = ptrace(PTRACE_GETSIGINFO, pid, 0, &si);
    printf("\n  orig_rax %lld rax %lld message %lu siginfo %d %d %x same pid %d cs %llx ss %llx tf %llx ip %d\n", r.orig_rax,
           r.orig_rax == SYS_getppid && i.op == 2 ? 0 : r.rax, message, got, si.si_signo, si.si_code, si.si_pid == pid, r.cs, r.ss,
           r.eflags & 0x100, r.rip == i.instruction_pointer && r.rsp == i.stack_pointer);
}

static void child(void) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    char buffer[8] = "abcdef";
    syscall(SYS_getpid, 1, 2, 3);
    syscall(SYS_close, 1000);                       /* becomes getppid */
    syscall(SYS_write, 1, "never seen\n", 11);      /* skipped, as if it had written 5 bytes */
    syscall(SYS_write, 1000, buffer, 1);            /* its descriptor becomes that of a pipe that is not there: EBADF */
    syscall(99999);
    int ok = syscall(SYS_getuid) == 4711;           /* the result is changed */
    syscall(SYS_exit_group, ok);
}

int main(void) {
    setvbuf(stdout, 0, _IONBF, 0);
    int pid = fork();
    if (!pid) child();
    wait_for(pid, "first");
    say("bad option", ptrace(PTRACE_SETOPTIONS, pid, 0, 1ul << 30));
    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
    struct user_regs_struct r;
    for (int n = 0;; n++) {
        ptrace(PTRACE_SYSCALL, pid, 0, 0);
        int status = wait_for(pid, "call");
        if (!WIFSTOPPED(status)) break;
        if (WSTOPSIG(status) != (SIGTRAP | 0x80)) continue;
        ptrace(PTRACE_GETREGS, pid, 0, &r);
        if (r.orig_rax == SYS_exit_group || (n > 1 && r.orig_rax < 2000)) info(pid);
        struct __ptrace_syscall_info i;
        ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof i, &i);
        if (i.op == 1 && r.orig_rax == SYS_close) {
            r.orig_rax = SYS_getppid;
            ptrace(PTRACE_SETREGS, pid, 0, &r);
        } else if (i.op == 1 && r.orig_rax == SYS_write && r.rdi == 1) {
            ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, orig_rax), -1l);
            ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rax), 5l);
        } else if (i.op == 1 && r.orig_rax == SYS_write) {
            ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rdi), 999l);
        } else if (i.op == 2 && r.orig_rax == SYS_getuid) {
            ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rax), 4711l);
        } else if (i.op == 2 && (long)r.orig_rax == -1) {
            printf("skipped: rax %lld\n", r.rax);
        }
    }
    /* without TRACESYSGOOD, from a call to the next by PTRACE_CONT */
    pid = fork();
    if (!pid) child();
    wait_for(pid, "second");
    ptrace(PTRACE_SYSCALL, pid, 0, 0);
    wait_for(pid, "entry");
    info(pid);
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "end");
    /* PTRACE_SYSEMU: no call is made */
    pid = fork();
    if (!pid) child();
    wait_for(pid, "third");
    for (int n = 0; n < 6; n++) {
        ptrace(PTRACE_SYSEMU, pid, 0, 0);
        wait_for(pid, "emulated");
        ptrace(PTRACE_GETREGS, pid, 0, &r);
        printf("  orig_rax %lld rax %lld\n", r.orig_rax, r.rax);
    }
    say("kill", ptrace(PTRACE_KILL, pid, 0, 0));
    wait_for(pid, "killed");
    return 0;
}

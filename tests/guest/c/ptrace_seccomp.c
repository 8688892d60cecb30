// admin
/* PTRACE_SECCOMP_GET_FILTER and PTRACE_SECCOMP_GET_METADATA. */
#include "t.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ptrace.h>

static int filter(int nr, int more, unsigned long flags) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 7),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {4 + more, code};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static void ask(pid_t p) {
    for (int i = 0; i < 4; i++) {
        struct sock_filter got[8] = {0};
        struct { uint64_t number, flags, rest; } about = {i, 9, 9};
        SHOW(ptrace(0x420c, p, i, NULL));
        SHOW(ptrace(0x420c, p, i, got));
        for (int k = 0; k < 5; k++)
            printf(" %x %d %d %x\n", got[k].code, got[k].jt, got[k].jf, got[k].k);
        SHOW(ptrace(0x420c, p, i, BAD));
        SHOW(ptrace(0x420d, p, 24, &about)), VAL(about.flags), VAL(about.rest);
        about.flags = 9;
        SHOW(ptrace(0x420d, p, 8, &about)), VAL(about.flags);
    }
    SHOW(ptrace(0x420c, p, -1L, NULL));
    SHOW(ptrace(0x420d, p, 7, NULL)), SHOW(ptrace(0x420d, p, 16, BAD));
}

static void traced(int filters) {
    printf("== %d filters\n", filters);
    pid_t p = MUST(fork());
    if (!p) {
        alarm(20);
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (filters > 0)
            filter(SYS_getppid, 0, 0);
        if (filters > 1)
            filter(SYS_getpgrp, 1, SECCOMP_FILTER_FLAG_LOG);
        raise(SIGSTOP);
        _exit(0);
    }
    waitpid(p, NULL, 0);
    ask(p);
    ptrace(PTRACE_CONT, p, 0, 0);
    reap(p);
}

int main(void) {
    alarm(40);
    traced(0), traced(1), traced(2);
    pid_t p = fork();
    if (!p) {
        setgid(1234), setuid(1234), traced(1);
        _exit(0);
    }
    reap(p);
    p = fork();
    if (!p) {
        filter(SYS_getppid, 0, 0), traced(0);
        _exit(0);
    }
    reap(p);
    return 0;
}

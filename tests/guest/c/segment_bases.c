// Bases of FS and GS beyond user space: arch_prctl(2), clone(2) and clone3(2) with CLONE_SETTLS.
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const unsigned long bases[] = {
    0x1234, 0x7fffffffefff, 0x7ffffffff000, 0x800000000000, 0xffff800000000000, 0xdeadbeefdeadbeef, -1UL,
};

static void child(void) {
    unsigned long base = 0;
    syscall(SYS_arch_prctl, ARCH_GET_FS, &base);
    syscall(SYS_exit, base >> 32 ? 2 : 1);
}

static void ended(const char *how, unsigned long base, long pid) {
    int status = 0;
    printf("%s %#lx: %s", how, base, pid < 0 ? strerror(errno) : "made");
    if (pid > 0) {
        if (waitpid(pid, &status, 0) != pid) printf(", lost");
        printf(", %d", WEXITSTATUS(status));
    }
    printf("\n");
}

int main(void) {
    for (unsigned n = 0; n < sizeof bases / sizeof *bases; n++) {
        unsigned long got = 0;
        long result = syscall(SYS_arch_prctl, ARCH_SET_GS, bases[n]);
        printf("arch_prctl %#lx: %s", bases[n], result ? strerror(errno) : "set");
        syscall(SYS_arch_prctl, ARCH_GET_GS, &got);
        printf(", %#lx\n", got);

        long pid = syscall(SYS_clone, CLONE_SETTLS | SIGCHLD, 0, 0, 0, bases[n]);
        if (pid == 0) child();
        ended("clone", bases[n], pid);

        int parent_tid = -7;
        struct clone_args args = {
            .flags = CLONE_SETTLS | CLONE_PARENT_SETTID,
            .parent_tid = (unsigned long)&parent_tid,
            .exit_signal = SIGCHLD,
            .tls = bases[n],
        };
        pid = syscall(SYS_clone3, &args, sizeof args);
        if (pid == 0) child();
        ended("clone3", bases[n], pid);
        printf("told: %d\n", parent_tid == -7 ? 0 : 1);
    }
    return 0;
}

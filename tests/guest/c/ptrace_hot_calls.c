/* ptrace(2) of processes that make the same call all the time: their code is what is in the file, and every stop shows it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* Only the tracees execute these: in the tracer they are as they were linked. */
__asm__(".globl mov_form\nmov_form: mov $110, %eax\n syscall\n ret\n .balign 16\n"
        ".globl cmp_form\ncmp_form: mov %edi, %eax\n syscall\n cmp $-4095, %rax\n jae 1f\n ret\n1: ret\n .balign 16\nforms_end:\n");
extern long mov_form(void), cmp_form(int nr);
extern char forms_end[];
static volatile int *shared;

static int wait_for(int pid, const char *what) {
    int status = 0;
    int got = waitpid(pid, &status, __WALL);
    printf("%s: %s %x\n", what, got == pid ? "ok" : got < 0 ? "none" : "not it", status);
    return status;
}
static void *calls(void *arg) {
    for (;;) {
        shared[1] += mov_form() > 0;
        shared[2] += cmp_form(SYS_getppid) > 0;
    }
}
static int caller(int threads) {
    shared[1] = shared[2] = 0;
    int pid = fork();
    if (!pid) {
        pthread_t t;
        for (int i = 1; i < threads; i++) pthread_create(&t, 0, calls, 0);
        calls(0);
    }
    while (shared[1] < 3000) usleep(1000);
    return pid;
}
static int same(int pid) {
    int alike = 1;
    for (char *at = (char *)mov_form; at < forms_end; at += 8) {
        long theirs = ptrace(PTRACE_PEEKTEXT, pid, at, 0);
        alike &= !memcmp(at, &theirs, 8);
    }
    char path[64], text[64];
    sprintf(path, "/proc/%d/mem", pid);
    int fd = open(path, O_RDONLY);
    int got = pread(fd, text, forms_end - (char *)mov_form, (long)mov_form);
    close(fd);
    return alike && got > 0 && !memcmp(text, mov_form, got);
}
static void look(int pid) {
    struct user_regs_struct r;
    printf("code alike %d\n", same(pid));
    int fine = 0, entries = 0;
    for (int n = 0; n < 40; n++) {
        ptrace(PTRACE_SYSCALL, pid, 0, 0);
        int status;
        waitpid(pid, &status, __WALL);
        ptrace(PTRACE_GETREGS, pid, 0, &r);
        fine += r.orig_rax == SYS_getppid && (r.rip == (long)mov_form + 7 || r.rip == (long)cmp_form + 4) && *(unsigned short *)(r.rip - 2) == 0x050f;
        entries += (long)r.rax == -ENOSYS;
    }
    printf("stops %d entries %d\n", fine, entries);
    fine = 0;
    for (int n = 0; n < 60; n++) {
        int status;
        ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
        waitpid(pid, &status, __WALL);
        ptrace(PTRACE_GETREGS, pid, 0, &r);
        unsigned long text = (long)mov_form & ~0xffful;
        fine += WSTOPSIG(status) == SIGTRAP && r.rip - text + 0x4000 < 0x8000;
    }
    printf("steps %d\n", fine);
    long old = ptrace(PTRACE_PEEKTEXT, pid, mov_form, 0);
    ptrace(PTRACE_POKETEXT, pid, mov_form, (old & ~0xffl) | 0xcc);
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "breakpoint");
    ptrace(PTRACE_GETREGS, pid, 0, &r);
    printf("at %lld\n", r.rip - (long)mov_form);
    r.rip--;
    ptrace(PTRACE_SETREGS, pid, 0, &r);
    ptrace(PTRACE_POKETEXT, pid, mov_form, old);
}

int main(void) {
    setvbuf(stdout, 0, _IONBF, 0);
    shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int threads = 1; threads < 4; threads += 2) {
        int pid = caller(threads);
        printf("%d threads\n", threads);
        ptrace(PTRACE_ATTACH, pid, 0, 0);
        wait_for(pid, "attached");
        if (threads == 1) look(pid);
        else printf("code alike %d\n", same(pid));
        ptrace(PTRACE_DETACH, pid, 0, 0);
        shared[1] = 0;
        while (shared[1] < 3000) usleep(1000);
        puts("it goes on");
        kill(pid, SIGKILL);
        wait_for(pid, "killed");
    }
    return 0;
}

/* ptrace(2): memory and registers of a stopped tracee, steps, and /proc/PID/mem. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile long word = 0x1122334455667788;
static const char text[] = "never written";
static long shared_page, none_page;
static void say(const char *what, long result) { printf("%s: %ld %d\n", what, result, result == -1 ? errno : 0); }
static int wait_for(int pid, const char *what) {
    int status = 0;
    int got = waitpid(pid, &status, __WALL);
    printf("%s: %s %x\n", what, got == pid ? "ok" : got < 0 ? "none" : "not it", status);
    return status;
}
__attribute__((noinline)) static int answer(int a) { __asm__ volatile(""); return a + 1; }
__asm__(".globl five\nfive: nop\n mov $39, %eax\n syscall\n inc %rbx\n int3\n ret\n");
extern void five(void);
static volatile int handled;
static void handler(int s) { handled++; }

static void child(void) {
    signal(SIGUSR1, handler);
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    int first = answer(1) == 2; /* a breakpoint there, which is taken away again */
    __asm__ volatile("movq $7, %%rbx\n movq $9, %%rax\n movq %%rax, %%xmm3\n int3\n movq %%xmm3, %%rax\n cmp $11, %%rax\n sete %%al\n movzbl %%al, %%ebx\n"
                     "add %%ebx, %0" : "+r"(first) : : "rax", "rbx", "xmm3", "cc");
    __asm__ volatile("int3");
    raise(SIGUSR1);
    _exit(first + (word == 5) * 16 + (text[0] == 'N') * 32 + handled * 64);
}

int main(void) {
    setvbuf(stdout, 0, _IONBF, 0);
    int fd = memfd_create("page", 0);
    ftruncate(fd, 4096);
    shared_page = (long)mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0);
    none_page = (long)mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    strcpy((char *)none_page, "hidden");
    mprotect((void *)none_page, 4096, PROT_NONE);
    int pid = fork();
    if (!pid) child();
    wait_for(pid, "begin");
    errno = 0;
    printf("word %lx\n", ptrace(PTRACE_PEEKDATA, pid, &word, 0));
    say("poke", ptrace(PTRACE_POKEDATA, pid, &word, 5l));
    say("to text", ptrace(PTRACE_POKETEXT, pid, text, 0x7465766572 << 8 | 'N'));
    printf("mine: %lx %c\n", word, text[0]);
    say("null", ptrace(PTRACE_PEEKDATA, pid, 0, 0));
    say("poke null", ptrace(PTRACE_POKEDATA, pid, 0, 0));
    say("kernel", ptrace(PTRACE_PEEKDATA, pid, 0xffffffff81000000, 0));
    printf("protected %lx\n", ptrace(PTRACE_PEEKDATA, pid, none_page, 0));
    say("poke protected", ptrace(PTRACE_POKEDATA, pid, none_page, 1l));
    say("poke shared", ptrace(PTRACE_POKEDATA, pid, shared_page, 1l));
    char path[64], line[32] = "";
    sprintf(path, "/proc/%d/mem", pid);
    int mem = open(path, O_RDWR);
    say("mem", pread(mem, line, 13, (long)text));
    printf("%s\n", line);
    say("mem null", pread(mem, line, 1, 0));
    say("write", pwrite(mem, "\1", 1, none_page + 7));
    say("write shared", pwrite(mem, "\1", 1, shared_page));
    say("across an end", pread(mem, line, 16, none_page) >= 0);
    say("seek", lseek(mem, 4096, SEEK_SET));
    say("seek end", lseek(mem, 0, SEEK_END));

    /* a breakpoint */
    long old = ptrace(PTRACE_PEEKTEXT, pid, answer, 0);
    ptrace(PTRACE_POKETEXT, pid, answer, (old & ~0xffl) | 0xcc);
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "breakpoint");
    struct user_regs_struct r, saved;
    ptrace(PTRACE_GETREGS, pid, 0, &r);
    printf("at %lld rdi %lld orig_rax %lld\n", r.rip - (long)answer, r.rdi, r.orig_rax);
    siginfo_t si;
    ptrace(PTRACE_GETSIGINFO, pid, 0, &si);
    printf("si %d %x\n", si.si_signo, si.si_code);
    ptrace(PTRACE_POKETEXT, pid, answer, old);
    r.rip--;
    ptrace(PTRACE_SETREGS, pid, 0, &r);
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "int3");

    /* registers */
    ptrace(PTRACE_GETREGS, pid, 0, &r);
    printf("rbx %lld rax %lld peek %ld\n", r.rbx, r.rax, ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, regs.rbx), 0));
    struct user_fpregs_struct f;
    say("getfpregs", ptrace(PTRACE_GETFPREGS, pid, 0, &f));
    printf("xmm3 %u mxcsr %x cwd %x\n", f.xmm_space[12], f.mxcsr, f.cwd);
    f.xmm_space[12] = 11;
    say("setfpregs", ptrace(PTRACE_SETFPREGS, pid, 0, &f));
    f.mxcsr = 0xffffffff;
    say("bad mxcsr", ptrace(PTRACE_SETFPREGS, pid, 0, &f));
    static char xstate[65536];
    struct iovec v = {xstate, sizeof xstate};
    say("xstate", ptrace(PTRACE_GETREGSET, pid, NT_X86_XSTATE, &v));
    printf("xmm3 %d\n", *(int *)(xstate + 160 + 48));
    say("set it", ptrace(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &v));
    for (int at = 520; at < 576; at += 5) {
        xstate[at] ^= 1;
        say("bad header", ptrace(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &v));
        xstate[at] ^= 1;
    }
    v.iov_len = 8;
    say("a piece", ptrace(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &v));
    v.iov_len = 1 << 16;
    say("prstatus", ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &v));
    printf("%zu %d\n", v.iov_len, memcmp(xstate, &r, sizeof r));
    v.iov_len = 24;
    say("prstatus", ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &v));
    printf("%zu\n", v.iov_len);
    v.iov_len = 9;
    say("odd", ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &v));
    say("no such set", ptrace(PTRACE_GETREGSET, pid, 0x1234, &v));
    say("user odd", ptrace(PTRACE_PEEKUSER, pid, 3, 0));
    say("user beyond", ptrace(PTRACE_PEEKUSER, pid, sizeof(struct user), 0));
    say("debug register", ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, u_debugreg[7]), 0));
    say("bad cs", ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.cs), 0));
    say("bad fs", ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.fs_base), -1l));
    say("poke beyond", ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_fpvalid), 1));
    say("no such request", ptrace(0x7777, pid, 0, 0));
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "int3");

    /* steps, over a call too, and back */
    ptrace(PTRACE_GETREGS, pid, 0, &saved);
    r = saved;
    r.rip = (long)five;
    r.rbx = 1;
    ptrace(PTRACE_SETREGS, pid, 0, &r);
    for (int n = 0; n < 5; n++) {
        ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
        wait_for(pid, "step");
        ptrace(PTRACE_GETREGS, pid, 0, &r);
        ptrace(PTRACE_GETSIGINFO, pid, 0, &si);
        printf("at %lld rbx %lld tf %llx code %x call done %d orig %lld\n", r.rip - (long)five, r.rbx, r.eflags & 0x100, si.si_code, r.rax == pid, r.orig_rax);
    }
    ptrace(PTRACE_SETREGS, pid, 0, &saved);
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "usr1");
    ptrace(PTRACE_SINGLESTEP, pid, 0, SIGUSR1);
    wait_for(pid, "in the handler");
    ptrace(PTRACE_GETREGS, pid, 0, &r);
    ptrace(PTRACE_GETSIGINFO, pid, 0, &si);
    printf("at %lld rdi %lld code %x\n", r.rip - (long)handler, r.rdi, si.si_code);
    ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
    wait_for(pid, "step");
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "end");
    say("of the dead", pread(mem, line, 1, (long)text));
    return 0;
}

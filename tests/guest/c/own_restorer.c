// cflags: -O0
#include "t.h"
/* A signal frame of our own: the kernel's sigaction with a restorer that makes rt_sigreturn itself. */
struct action {
    void (*handler)(int, siginfo_t *, void *);
    unsigned long flags;
    void (*restorer)(void);
    unsigned long mask;
};
void restorer(void);
__asm__("restorer:\n mov $15, %eax\n syscall\n"); /* rt_sigreturn */
static volatile int hits;

static void handler(int s, siginfo_t *i, void *c) {
    ucontext_t *u = c;
    hits++;
    VAL(u->uc_sigmask.__val[0] & 1UL << (SIGUSR2 - 1));
    u->uc_sigmask.__val[0] |= 1UL << (SIGUSR2 - 1); /* blocked after the return */
}

int main(void) {
    struct action a = {handler, SA_SIGINFO | 0x04000000, restorer, 0}, o;
    SHOW(syscall(SYS_rt_sigaction, SIGUSR1, &a, NULL, 8));
    raise(SIGUSR1);
    VAL(hits);
    unsigned long mask = 0;
    SHOW(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, 8));
    VAL(mask == 1UL << (SIGUSR2 - 1));
    SHOW(syscall(SYS_rt_sigaction, SIGUSR1, NULL, &o, 8));
    VAL(o.restorer == restorer && o.handler == handler);
    VAL(o.flags);
    SHOW(syscall(SYS_rt_sigaction, SIGUSR1, NULL, &o, 4));
    SHOW(syscall(SYS_rt_sigaction, SIGKILL, &a, NULL, 8));
    SHOW(syscall(SYS_rt_sigprocmask, 7, &mask, NULL, 8));
    pid_t p = MUST(fork());
    if (!p) { /* no frame at the stack pointer */
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        __asm__ volatile("mov $8, %%rsp\n mov $15, %%eax\n syscall\n" ::: "memory");
    }
    reap(p);
    a.flags = SA_SIGINFO; /* without a restorer there is no way back */
    p = MUST(fork());
    if (!p) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        syscall(SYS_rt_sigaction, SIGUSR1, &a, NULL, 8);
        raise(SIGUSR1);
        _exit(0);
    }
    reap(p);
    return 0;
}

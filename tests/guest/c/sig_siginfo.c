#include "t.h"

static void on(int s, siginfo_t *i, void *u) {
    ucontext_t *uc = u;
    printf("%d code %d errno %d value %d\n", s, i->si_code, i->si_errno, i->si_code == SI_QUEUE ? i->si_value.sival_int : 0);
    printf("masked: usr1 %d usr2 %d\n", sigismember(&uc->uc_sigmask, SIGUSR1), sigismember(&uc->uc_sigmask, SIGUSR2));
    sigaddset(&uc->uc_sigmask, SIGUSR2);
}
static void fpe(int s, siginfo_t *i, void *u) {
    ucontext_t *uc = u;
    printf("fpe code %d\n", i->si_code);
    uc->uc_mcontext.gregs[REG_RIP] += 2;
}
int main(void) {
    struct sigaction a = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
    sigaddset(&a.sa_mask, SIGHUP);
    sigaction(SIGUSR1, &a, NULL);
    union sigval v = {.sival_int = 12345};
    sigqueue(getpid(), SIGUSR1, v);
    sigset_t m;
    sigprocmask(0, NULL, &m);
    VAL(sigismember(&m, SIGUSR2));
    VAL(sigismember(&m, SIGHUP));
    kill(getpid(), SIGUSR1);
    a.sa_sigaction = fpe;
    sigaction(SIGFPE, &a, NULL);
    asm volatile("xor %%ecx, %%ecx; mov $1, %%eax; cdq; div %%ecx" ::: "rax", "rcx", "rdx");
    puts("after the division");
    pid_t c = fork();
    if (c == 0) {
        signal(SIGFPE, SIG_IGN);
        asm volatile("xor %%ecx, %%ecx; mov $1, %%eax; cdq; div %%ecx" ::: "rax", "rcx", "rdx");
        _exit(0);
    }
    int s;
    wait(&s);
    VAL(WTERMSIG(s));
    c = fork();
    if (c == 0) __builtin_trap();
    wait(&s);
    VAL(WTERMSIG(s));
    c = fork();
    if (c == 0) {
        asm volatile("int3");
        _exit(1);
    }
    wait(&s);
    VAL(WTERMSIG(s));
    return 0;
}

#include "t.h"

static char stack[65536];
static volatile int inside, flags;
static void on(int s) {
    char here;
    inside = &here >= stack && &here < stack + sizeof stack;
    stack_t now;
    sigaltstack(NULL, &now);
    flags = now.ss_flags;
    stack_t other = {.ss_sp = stack, .ss_size = 30000};
    printf("changing it meanwhile: %s\n", sigaltstack(&other, NULL) ? ename(errno) : "ok");
}
static sigjmp_buf env;
static void overflow(int s) { siglongjmp(env, 1); }
static int recurse(int n) {
    volatile char big[4096];
    big[0] = n;
    return recurse(n + 1) + big[0];
}
int main(void) {
    stack_t ss = {.ss_sp = stack, .ss_size = sizeof stack}, old;
    SHOW(sigaltstack(&ss, &old));
    VAL(old.ss_flags == SS_DISABLE);
    handle(SIGUSR1, on, SA_ONSTACK);
    raise(SIGUSR1);
    VAL(inside), VAL(flags);
    handle(SIGUSR1, on, 0);
    raise(SIGUSR1);
    VAL(inside), VAL(flags);
    ss.ss_size = 100;
    SHOW(sigaltstack(&ss, NULL));
    ss.ss_size = 30000, ss.ss_flags = 77;
    SHOW(sigaltstack(&ss, NULL));
    SHOW(sigaltstack(BAD, NULL));
    SHOW(sigaltstack(NULL, BAD));
    ss.ss_flags = 0, ss.ss_size = sizeof stack;
    MUST(sigaltstack(&ss, NULL));
    struct rlimit r = {1 << 20, RLIM_INFINITY};
    handle(SIGSEGV, overflow, SA_ONSTACK);
    if (sigsetjmp(env, 1) == 0) recurse(0);
    puts("survived the overflow");
    ss.ss_flags = SS_DISABLE;
    SHOW(sigaltstack(&ss, NULL));
    return 0;
}

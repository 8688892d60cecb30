/*
 * Handlers that forge the frame from which they return: segments, addresses, flags, the floating-point state, the alternate
 * stack and the mask. Each in a child, that dies by a signal, handles one, or goes on.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

typedef unsigned long u64;
enum { IN_UCONTEXT, IN_FPSTATE, BEHIND_FPSTATE };
enum { GREGS = offsetof(ucontext_t, uc_mcontext.gregs), CS = GREGS + 8 * REG_CSGSFS, SS = CS + 6 };

static struct forgery {
    int where, offset, size;
    u64 value;
} forgery;
static char first[65536], second[65536];

static void forge(int signo, siginfo_t *info, void *context) {
    (void)info;
    (void)signo;
    ucontext_t *uc = context;
    char *fpstate = (char *)uc->uc_mcontext.fpregs, *base = context;
    unsigned size;
    memcpy(&size, fpstate + 480, 4); /* of the XSAVE image */
    if (forgery.where != IN_UCONTEXT) base = forgery.where == IN_FPSTATE ? fpstate : fpstate + size;
    memcpy(base + forgery.offset, &forgery.value, forgery.size);
}
static void end(int signo, siginfo_t *info, void *context) {
    (void)info;
    _exit(100 + signo + 50 * (((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] == (long)forgery.value));
}
static void install(int signo, void (*handler)(int, siginfo_t *, void *), int flags) {
    struct sigaction a = {.sa_flags = SA_SIGINFO | flags};
    a.sa_sigaction = handler;
    sigaction(signo, &a, 0);
}
static void try(int many, int handled, struct forgery f) {
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        forgery = f;
        for (int i = 0; i < many; i++) syscall(SYS_getpgid, 0); /* who makes few calls may be served in another way */
        install(SIGUSR1, forge, 0);
        if (handled) install(SIGSEGV, end, 0);
        raise(SIGUSR1);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    printf("%d %d %d: %#lx: %s %d\n", handled, f.where, f.offset, f.value, WIFSIGNALED(status) ? "signal" : "status",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}
static void try_all(int many, int handled) {
    static const u64 values[] = {0, 1, 8, 1ul << 63, 1ul << 47, -1ul << 47, 0x7fffffffffff0, -1ul};
    static const int words[] = {GREGS + 8 * REG_RIP, GREGS + 8 * REG_ERR, GREGS + 8 * REG_OLDMASK, GREGS + 8 * REG_CR2,
                                offsetof(ucontext_t, uc_flags), offsetof(ucontext_t, uc_link),
                                offsetof(ucontext_t, uc_mcontext.fpregs), offsetof(ucontext_t, uc_sigmask)};
    static const unsigned short segments[] = {0, 8, 0x0b, 0x10, 0x18, 0x28, 0x2b, 0x30, 0x33, 0x37, 0xffff};
    for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
        for (unsigned n = 0; n < sizeof words / sizeof *words; n++)
            try(many, handled, (struct forgery){IN_UCONTEXT, words[n], 8, values[i]});
        for (int n = 0; n < 4; n++) /* magic, sizes and features of the image; XCOMP_BV; MXCSR */
            try(many, handled, (struct forgery){IN_FPSTATE, 464 + 4 * n + 4 * (n > 2), 4, values[i]});
        try(many, handled, (struct forgery){IN_FPSTATE, 520, 8, values[i]});
        try(many, handled, (struct forgery){IN_FPSTATE, 24, 4, values[i]});
        try(many, handled, (struct forgery){BEHIND_FPSTATE, 0, 4, values[i]});
    }
    for (unsigned i = 0; i < sizeof segments / sizeof *segments; i++) {
        try(many, handled, (struct forgery){IN_UCONTEXT, CS, 2, segments[i]});
        try(many, handled, (struct forgery){IN_UCONTEXT, SS, 2, segments[i]});
    }
    for (int bit = 0; bit < 32; bit += 3) try(many, handled, (struct forgery){IN_FPSTATE, 24, 4, 0x1f80 ^ 1u << bit});
    try(many, handled, (struct forgery){IN_FPSTATE, 512, 8, 1ul << 63});
}

static void show(const char *when) {
    stack_t now;
    sigaltstack(0, &now);
    printf("%s: stack %d, flags %#x, %zu bytes\n", when, now.ss_sp == first ? 1 : now.ss_sp == second ? 2 : 0, now.ss_flags,
           now.ss_size);
}
/* The alternate stack in a frame holds where the handler was not on it. */
static void try_stacks(int flags, int stack_flags) {
    static char *const other = second;
    const struct forgery forgeries[] = {{IN_UCONTEXT, offsetof(ucontext_t, uc_stack.ss_sp), 8, (u64)other},
                                        {IN_UCONTEXT, offsetof(ucontext_t, uc_stack.ss_flags), 4, SS_DISABLE},
                                        {IN_UCONTEXT, offsetof(ucontext_t, uc_stack.ss_flags), 4, 77},
                                        {IN_UCONTEXT, offsetof(ucontext_t, uc_stack.ss_size), 8, 100}};
    install(SIGUSR1, forge, flags);
    for (unsigned i = 0; i < sizeof forgeries / sizeof *forgeries; i++) {
        stack_t stack = {.ss_sp = first, .ss_size = sizeof first, .ss_flags = stack_flags};
        sigaltstack(&stack, 0);
        forgery = forgeries[i];
        raise(SIGUSR1);
        show("after");
    }
}

int main(void) {
    try_all(0, 0);
    try_all(100, 1);
    /* A 32-bit code segment leads nowhere. */
    try(0, 0, (struct forgery){IN_UCONTEXT, CS, 2, 0x23});
    try_stacks(0, 0);
    try_stacks(SA_ONSTACK, 0);
    try_stacks(SA_ONSTACK, 1u << 31 /* SS_AUTODISARM */);
    return 0;
}

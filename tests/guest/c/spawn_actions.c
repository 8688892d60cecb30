/* The child of vfork(2) asks for and sets the actions of signals, as posix_spawn(3) does: each call's result and what the actions
 * are afterwards; what is pending; errors; and that its maker's actions, and its children's, are their own. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct action {
    uint64_t handler, flags, restorer, mask;
};
#define RESTORER 0x04000000ul

static long act(long signo, const void *set, void *old, long size) {
    return syscall(SYS_rt_sigaction, signo, set, old, size) ? -errno : 0;
}

static char text[1 << 16];
static size_t used;
#define SAY(...) (used += snprintf(text + used, sizeof text - used, __VA_ARGS__))

static void show(int signo) {
    struct action is = {7, 7, 7, 7};
    long r = act(signo, NULL, &is, 8);
    SAY("%d: %ld %lx %lx %lx %lx\n", signo, r, is.handler, is.flags, is.restorer >> 16 ? 1 : is.restorer, is.mask);
}

static void all(const char *what) {
    SAY("%s\n", what);
    for (int s = 0; s <= 65; s++) show(s);
}

static uint64_t pending(void) {
    uint64_t set = 0;
    syscall(SYS_rt_sigpending, &set, 8);
    return set;
}

static void as_spawn(uint64_t restorer) {
    for (int s = 0; s <= 65; s++) {
        struct action is = {7, 7, 7, 7};
        long a = act(s, NULL, &is, 8);
        is.handler = 0, is.flags |= RESTORER, is.restorer = restorer;
        long b = act(s, &is, NULL, 8);
        SAY("%d %ld %ld\n", s, a, b);
    }
}

static int in_child(void (*body)(void)) {
    int status = -1;
    pid_t pid = vfork();
    if (!pid) {
        body();
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return status;
}

static void twice(void) {
    all("first");
    as_spawn(0x1234);
    all("after");
    as_spawn(0x5678);
    all("with another restorer");
}

static char *none;

static void errors(void) {
    struct action plain = {0, RESTORER, 0x1234, 0}, old = {7, 7, 7, 7};
    char *edge = none - 16;
    SAY("size %ld %ld\n", act(SIGUSR1, &plain, NULL, 4), act(SIGUSR1, NULL, &old, 16));
    SAY("nowhere %ld %ld\n", act(SIGUSR1, none, NULL, 8), act(SIGUSR1, NULL, none, 8));
    SAY("half %ld %ld\n", act(SIGUSR1, edge, NULL, 8), act(SIGUSR1, NULL, edge, 8));
    SAY("kernel %ld %ld\n", act(SIGUSR1, (void *)-4096l, NULL, 8), act(SIGUSR1, NULL, (void *)0x7ffffffff000, 8));
    SAY("neither %ld\n", act(SIGUSR1, NULL, NULL, 8));
    SAY("number %ld %ld %ld\n", act(-1, NULL, &old, 8), act(1l << 32 | SIGUSR2, &plain, NULL, 8), act(SIGKILL, &plain, NULL, 8));
    show(SIGUSR1), show(SIGUSR2);
    SAY("both %ld", act(SIGTERM, &plain, &old, 8));
    SAY(" %lx %lx\n", old.flags, old.restorer);
    plain.mask = ~0ul;
    SAY("mask %ld\n", act(SIGTERM, &plain, NULL, 8));
    plain.flags |= SA_RESTART;
    SAY("flags %ld\n", act(SIGHUP, &plain, NULL, 8));
    plain.handler = 1;
    SAY("ignored %ld\n", act(SIGINT, &plain, NULL, 8));
    show(SIGTERM), show(SIGHUP), show(SIGINT);
}

static void discards(void) {
    sigset_t every;
    sigfillset(&every);
    sigprocmask(SIG_BLOCK, &every, NULL);
    for (int s = 1; s < 64; s++)
        if (s != SIGKILL && s != SIGSTOP && s != 32 && s != 33) kill(getpid(), s);
    SAY("pending %lx\n", pending());
    as_spawn(0x1234);
    SAY("then %lx\n", pending());
}

static volatile int handled;
static void handler(int s) { handled = s; }

static void children(void) {
    as_spawn(0x1234);
    pid_t pid = fork();
    if (!pid) {
        used = 0;
        show(SIGUSR1), show(SIGCHLD);
        if (write(1, text, used) != (ssize_t)used) _exit(1);
        _exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
    SAY("fork %x\n", status);
    struct sigaction with = {.sa_handler = handler};
    sigaction(SIGUSR1, &with, NULL);
    kill(getpid(), SIGUSR1);
    SAY("handled %d\n", handled);
    struct action old;
    act(SIGUSR1, NULL, &old, 8);
    SAY("handler %d\n", old.handler == (uint64_t)handler);
    struct action plain = {0, RESTORER, 0x1234, 0};
    act(SIGUSR1, &plain, NULL, 8);
    show(SIGUSR1);
}

static void dies(void) {
    as_spawn(0x1234);
    kill(getpid(), SIGUSR1);
    pause();
}

int main(void) {
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    none = pages + 4096;
    mprotect(none, 4096, PROT_NONE);
    struct action initial = {0};
    act(32, &initial, NULL, 8), act(33, &initial, NULL, 8); /* libc's, which whoever runs this may ignore */
    struct sigaction ignore = {.sa_handler = SIG_IGN}, with = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaction(SIGPIPE, &ignore, NULL);
    for (int round = 0; round < 24; round++) { /* so that the calls' sites are jumps in the end */
        used = 0;
        SAY("status %x\n", in_child(twice));
        SAY("status %x\n", in_child(errors));
        SAY("status %x\n", in_child(discards));
        SAY("status %x\n", in_child(dies));
    }
    fwrite(text, 1, used, stdout);
    fflush(stdout);
    used = 0;
    sigaction(SIGHUP, &with, NULL);
    SAY("status %x\n", in_child(children));
    struct action is;
    for (int s = 1; s <= 64; s++) {
        is.restorer = 0;
        act(s, NULL, &is, 8);
        if (is.handler || is.restorer) SAY("mine %d %lx\n", s, is.flags);
    }
    fwrite(text, 1, used, stdout);
    extern char **environ;
    for (int round = 0; round < 8; round++) {
        pid_t pid;
        int status = -1;
        char *args[] = {"sh", "-c", "grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status", NULL};
        fflush(stdout);
        if (posix_spawn(&pid, "/bin/sh", NULL, NULL, args, environ)) return 1;
        waitpid(pid, &status, 0);
        printf("spawned %x\n", status);
    }
    return 0;
}

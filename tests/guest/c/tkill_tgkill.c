#include "t.h"
static volatile int last;
static void hit(int s, siginfo_t *i, void *c) { last = s * 100 + i->si_code; }
static pid_t other;
static atomic_int stage;
static void *thread(void *unused) {
    other = gettid();
    stage = 1;
    while (stage < 2) nap(1);
    VAL(last == SIGUSR1 * 100 + SI_TKILL);
    return NULL;
}

int main(void) {
    struct sigaction a = {.sa_sigaction = hit, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGUSR1, &a, NULL);
    SHOW(syscall(SYS_tkill, gettid(), SIGUSR1));
    VAL(last);
    SHOW(syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1));
    VAL(last);
    SHOW(kill(getpid(), SIGUSR1));
    VAL(last);
    SHOW(syscall(SYS_tgkill, getpid(), gettid(), 0));
    SHOW(syscall(SYS_tgkill, getpid(), gettid(), 65));
    SHOW(syscall(SYS_tgkill, getpid(), gettid(), -1));
    SHOW(syscall(SYS_tgkill, -1, gettid(), SIGUSR1));
    SHOW(syscall(SYS_tgkill, getpid(), 0, SIGUSR1));
    SHOW(syscall(SYS_tgkill, getppid(), gettid(), SIGUSR1));
    SHOW(syscall(SYS_tkill, 0, SIGUSR1));
    SHOW(syscall(SYS_tkill, -5, SIGUSR1));
    SHOW(syscall(SYS_tkill, 99999999, SIGUSR1));
    last = 0;
    pthread_t t;
    pthread_create(&t, NULL, thread, NULL);
    while (!stage) nap(1);
    SHOW(syscall(SYS_tgkill, getpid(), other, SIGUSR1));
    while (!last) nap(1);
    stage = 2;
    pthread_join(t, NULL); // its number is free a moment later
    for (int i = 0; i < 1000 && !syscall(SYS_tgkill, getpid(), other, 0); i++) nap(1);
    SHOW(syscall(SYS_tgkill, getpid(), other, SIGUSR1));
    SHOW(kill(99999999, 0));
    SHOW(kill(getpid(), 65));
    return 0;
}

#include "t.h"

static int depth, most, count;
static void nested(int s) {
    depth++, count++;
    if (depth > most) most = depth;
    if (count < 3) raise(s);
    depth--;
}
static void once(int s) { count++; }
static void order(int s) { printf("handler %d\n", s); }
int main(void) {
    handle(SIGUSR1, nested, 0);
    raise(SIGUSR1);
    printf("plain: depth %d count %d\n", most, count);
    depth = most = count = 0;
    handle(SIGUSR1, nested, SA_NODEFER);
    raise(SIGUSR1);
    printf("nodefer: depth %d count %d\n", most, count);
    handle(SIGUSR1, once, SA_RESETHAND);
    raise(SIGUSR1);
    struct sigaction a;
    sigaction(SIGUSR1, NULL, &a);
    VAL(a.sa_handler == SIG_DFL);
    VAL(a.sa_flags & ~0x04000000);
    sigset_t all, old, pending;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &old);
    for (int s = 1; s < 5; s++) handle(34 + s, order, 0);
    handle(SIGUSR2, order, 0), handle(SIGHUP, order, 0), handle(SIGUSR1, order, 0);
    raise(38), raise(SIGUSR2), raise(36), raise(SIGHUP), raise(36), raise(SIGUSR2), raise(SIGUSR1);
    sigpending(&pending);
    for (int s = 1; s < 65; s++)
        if (sigismember(&pending, s) == 1) printf("pending %d\n", s);
    sigprocmask(SIG_SETMASK, &old, NULL);
    signal(SIGUSR1, SIG_IGN);
    raise(SIGUSR1);
    sigset_t mask;
    sigemptyset(&mask), sigaddset(&mask, SIGKILL), sigaddset(&mask, SIGSTOP), sigaddset(&mask, SIGUSR1);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    sigprocmask(0, NULL, &mask);
    printf("%d %d %d\n", sigismember(&mask, SIGKILL), sigismember(&mask, SIGSTOP), sigismember(&mask, SIGUSR1));
    return 0;
}

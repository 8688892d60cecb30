#include "t.h"
static volatile int got, value, code;
static void take(int s, siginfo_t *i, void *c) {
    got = s;
    value = i->si_value.sival_int;
    code = i->si_code;
}
#define SEND(g, t, s, i) syscall(SYS_rt_tgsigqueueinfo, g, t, s, i)

int main(void) {
    struct sigaction a = {.sa_sigaction = take, .sa_flags = SA_SIGINFO};
    MUST(sigaction(SIGRTMIN, &a, NULL));
    siginfo_t i = {0};
    i.si_code = SI_QUEUE;
    i.si_value.sival_int = 42;
    i.si_pid = getpid();
    SHOW(SEND(getpid(), getpid(), SIGRTMIN, &i));
    printf("%d %d %d\n", got == SIGRTMIN, value, code);
    i.si_code = -60;
    SHOW(SEND(getpid(), getpid(), SIGRTMIN, &i));
    VAL(code);
    i.si_code = SI_USER;
    SHOW(SEND(getpid(), getpid(), SIGRTMIN, &i));
    SHOW(SEND(getppid(), getppid(), 0, &i));
    i.si_code = SI_TKILL;
    SHOW(SEND(getppid(), getppid(), 0, &i));
    i.si_code = SI_QUEUE;
    SHOW(SEND(getpid(), getppid(), SIGRTMIN, &i));
    SHOW(SEND(0, getpid(), SIGRTMIN, &i));
    SHOW(SEND(getpid(), -1, SIGRTMIN, &i));
    SHOW(SEND(getpid(), getpid(), 65, &i));
    SHOW(SEND(getpid(), getpid(), 0, &i));
    SHOW(SEND(getpid(), getpid(), SIGRTMIN, BAD));
    SHOW(SEND(99999999, 99999999, SIGRTMIN, &i));
    SHOW(syscall(SYS_rt_sigqueueinfo, getpid(), SIGRTMIN, &i));
    SHOW(syscall(SYS_rt_sigqueueinfo, getpid(), 99, &i));
    SHOW(syscall(SYS_rt_sigqueueinfo, 99999999, SIGRTMIN, &i));
    return 0;
}

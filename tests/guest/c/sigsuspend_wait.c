#include "t.h"

static volatile int hits;
static void on(int s) { hits = s; }
int main(void) {
    sigset_t block, old, none;
    sigemptyset(&block), sigaddset(&block, SIGUSR1), sigaddset(&block, 40);
    sigprocmask(SIG_BLOCK, &block, &old);
    handle(SIGUSR1, on, 0);
    raise(SIGUSR1);
    VAL(hits);
    sigemptyset(&none);
    SHOW(sigsuspend(&none));
    VAL(hits);
    sigset_t now;
    sigprocmask(0, NULL, &now);
    VAL(sigismember(&now, SIGUSR1));
    siginfo_t i;
    struct timespec t = {0, 20 * MS}, zero = {0, 0}, bad = {0, -1};
    SHOW(sigtimedwait(&block, &i, &t));
    SHOW(sigtimedwait(&block, &i, &zero));
    SHOW(sigtimedwait(&block, &i, &bad));
    union sigval v;
    for (int n = 0; n < 4; n++) {
        v.sival_int = n;
        MUST(sigqueue(getpid(), 40, v));
        MUST(sigqueue(getpid(), SIGUSR1, v));
    }
    for (int n = 0; n < 6; n++) {
        int r = sigtimedwait(&block, &i, &zero);
        printf("%d code %d value %d\n", r, r > 0 ? i.si_code : 0, r > 0 ? i.si_value.sival_int : 0);
    }
    raise(SIGUSR1);
    int s;
    SHOW(sigwait(&block, &s));
    VAL(s);
    kill(getpid(), SIGUSR1);
    SHOW(sigwaitinfo(&block, &i));
    printf("code %d\n", i.si_code);
    VAL(i.si_pid == getpid() && i.si_uid == getuid());
    handle(SIGUSR2, on, SA_RESTART);
    if (fork() == 0) {
        nap(30);
        kill(getppid(), SIGUSR2);
        _exit(0);
    }
    SHOW(sigwaitinfo(&block, &i));
    return 0;
}

#include "t.h"

int main(void) {
    struct rlimit r = {8, 8};
    sigset_t block;
    sigemptyset(&block), sigaddset(&block, 40), sigaddset(&block, SIGUSR1);
    sigprocmask(SIG_BLOCK, &block, NULL);
    MUST(setuid(54321));
    SHOW(setrlimit(RLIMIT_SIGPENDING, &r));
    union sigval v = {.sival_int = 0};
    int n = 0;
    while (sigqueue(getpid(), 40, v) == 0 && n < 100) n++;
    VAL(n);
    STR(ename(errno));
    SHOW(kill(getpid(), SIGUSR1));
    SHOW(kill(getpid(), 40));
    siginfo_t i;
    struct timespec zero = {0, 0};
    n = 0;
    while (sigtimedwait(&block, &i, &zero) > 0) n++;
    VAL(n);
    return 0;
}

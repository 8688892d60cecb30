#include "t.h"
static void nothing(int s) {}

int main(void) {
    SHOW(syscall(SYS_restart_syscall));
    long began = now_ms();
    pid_t p = MUST(fork());
    if (!p) {
        struct timespec t = {0, 300 * MS};
        SHOW(nanosleep(&t, &t));
        VAL(now_ms() - began >= 300);
        struct pollfd none = {-1, 0, 0};
        began = now_ms();
        SHOW(poll(&none, 1, 300));
        VAL(now_ms() - began >= 300 && now_ms() - began < 3000);
        _exit(0);
    }
    int s;
    for (int i = 0; i < 3; i++) {
        nap(60);
        kill(p, SIGSTOP);
        MUST(waitpid(p, &s, WUNTRACED));
        if (!WIFSTOPPED(s)) break;
        kill(p, SIGCONT);
    }
    reap(p);
    handle(SIGALRM, nothing, SA_RESTART);
    struct itimerval v = {{0, 0}, {0, 30000}};
    struct timespec t = {5, 0};
    MUST(setitimer(ITIMER_REAL, &v, NULL));
    SHOW(nanosleep(&t, &t));
    VAL(t.tv_sec);
    SHOW(syscall(SYS_restart_syscall));
    return 0;
}

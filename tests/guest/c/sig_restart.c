#include "t.h"

static volatile int hits;
static void on(int s) { hits++; }
static pid_t later(pid_t who, int ms) {
    pid_t c = fork();
    if (c == 0) {
        nap(ms);
        kill(who, SIGUSR1);
        _exit(0);
    }
    return c;
}
int main(void) {
    int p[2];
    char c;
    MUST(pipe(p));
    handle(SIGUSR1, on, 0);
    later(getpid(), 30);
    SHOW(read(p[0], &c, 1));
    VAL(hits);
    handle(SIGUSR1, on, SA_RESTART);
    later(getpid(), 30);
    if (fork() == 0) {
        nap(80);
        write(p[1], "r", 1);
        _exit(0);
    }
    SHOW(read(p[0], &c, 1));
    VAL(hits);
    while (wait(NULL) > 0);
    later(getpid(), 30);
    SHOW(poll(NULL, 0, 1000));
    later(getpid(), 30);
    SHOW(pause());
    later(getpid(), 30);
    struct timespec t = {1, 0}, left;
    SHOW(nanosleep(&t, &left));
    VAL(left.tv_sec == 0 && left.tv_nsec > 500 * MS);
    while (wait(NULL) > 0);
    handle(SIGUSR1, SIG_IGN, 0);
    later(getpid(), 10);
    SHOW(poll(NULL, 0, 60));
    while (wait(NULL) > 0);
    handle(SIGUSR1, on, SA_RESTART);
    pid_t slow = fork();
    if (slow == 0) {
        nap(80);
        _exit(6);
    }
    if (fork() == 0) {
        nap(20);
        kill(getppid(), SIGUSR1);
        _exit(0);
    }
    reap(slow);
    handle(SIGUSR1, on, 0);
    later(getpid(), 30);
    slow = fork();
    if (slow == 0) {
        nap(500);
        _exit(6);
    }
    SHOW(waitpid(slow, NULL, 0));
    return 0;
}

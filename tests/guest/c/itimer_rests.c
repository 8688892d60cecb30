/* A periodic ITIMER_REAL rests from its expiry until a SIGALRM is taken. */
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int count;

static void handler(int signo) { (void)signo; count++; }

static void sleep_ms(int ms) {
    struct timespec left = {0, ms * 1000000};
    while (nanosleep(&left, &left)) {}
}

static void show(const char *what) {
    struct itimerval v;
    getitimer(ITIMER_REAL, &v);
    printf("%s: interval %ld, %s\n", what, (long)v.it_interval.tv_usec, v.it_value.tv_usec ? "runs" : "rests");
}

int main(void) {
    struct itimerval period = {{0, 20000}, {0, 20000}};
    sigset_t alarm_only, pending;
    int signo;
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);

    signal(SIGALRM, SIG_IGN);
    setitimer(ITIMER_REAL, &period, 0);
    sleep_ms(50);
    show("ignored");
    signal(SIGALRM, handler);
    sleep_ms(50);
    show("handled too late");
    printf("%d\n", count);

    setitimer(ITIMER_REAL, &period, 0);
    while (count < 2) pause();
    sigprocmask(SIG_BLOCK, &alarm_only, 0);
    sleep_ms(50);
    show("blocked");
    count = 0;
    sigprocmask(SIG_UNBLOCK, &alarm_only, 0);
    sigprocmask(SIG_BLOCK, &alarm_only, 0);
    show("taken");
    sleep_ms(50);
    sigwait(&alarm_only, &signo);
    sleep_ms(50);
    sigpending(&pending);
    printf("waited for %d, pending again %d\n", signo, sigismember(&pending, SIGALRM));

    signal(SIGALRM, SIG_IGN);
    signal(SIGALRM, handler);
    show("flushed");
    count = 0;
    sigprocmask(SIG_UNBLOCK, &alarm_only, 0);
    sleep_ms(50);
    printf("%d\n", count);
    kill(getpid(), SIGALRM);
    while (count < 3) pause();
    printf("a signal of the same number sets it going\n");
    return 0;
}

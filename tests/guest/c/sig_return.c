/*
 * Returns from signal handlers that make no call, and what waits for the mask that they bring back: signals that come while
 * the handler runs, right after it, and from another thread while the returned one computes.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

static atomic_int hits, second, entered, leave, stop, at_work;
static volatile int change;
static atomic_long rounds;
static pid_t worker;

static void count(int s, siginfo_t *i, void *u) {
    (void)i;
    (void)s;
    if (change) sigaddset(&((ucontext_t *)u)->uc_sigmask, SIGUSR2);
    hits++;
}
static void count_second(int s) { (void)s; second++; }
static void stay(int s) {
    (void)s;
    entered = 1;
    while (!leave) {}
    hits++;
}
static void install(int signo, void *handler, int flags, int blocked) {
    struct sigaction a = {.sa_flags = flags};
    a.sa_sigaction = handler;
    sigemptyset(&a.sa_mask);
    if (blocked) sigaddset(&a.sa_mask, blocked);
    sigaction(signo, &a, 0);
}
static int is_blocked(int signo) {
    sigset_t now;
    sigprocmask(SIG_BLOCK, 0, &now);
    return sigismember(&now, signo);
}
static void *work(void *p) {
    sigset_t all, mine;
    worker = gettid();
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, 0);
    sigemptyset(&mine);
    sigaddset(&mine, SIGUSR1);
    sigaddset(&mine, SIGUSR2);
    sigprocmask(SIG_UNBLOCK, &mine, 0);
    at_work = 1;
    while (!stop) rounds++;
    return p;
}
static void show_blocked(const char *when) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/self/task/%d/status", worker);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, "SigBlk", 6)) printf("%s %s", when, line);
    if (f) fclose(f);
}
static void to_worker(int signo) { syscall(SYS_tgkill, getpid(), worker, signo); }

int main(void) {
    pthread_t thread;
    for (int i = 0; i < 100; i++) syscall(SYS_getpgid, 0); /* whoever makes few calls may be served in another way */
    install(SIGUSR1, count, SA_SIGINFO, SIGUSR2);
    install(SIGUSR2, count_second, 0, 0);
    for (int i = 0; i < 200; i++) raise(SIGUSR1);
    printf("by itself: %d, blocked %d %d\n", hits, is_blocked(SIGUSR1), is_blocked(SIGUSR2));
    change = 1;
    raise(SIGUSR1);
    change = 0;
    printf("the handler has blocked: %d %d\n", is_blocked(SIGUSR1), is_blocked(SIGUSR2));
    raise(SIGUSR2);
    printf("second %d\n", second);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, 0);
    printf("second %d\n", second);

    sigset_t both;
    sigemptyset(&both);
    sigaddset(&both, SIGUSR1);
    sigaddset(&both, SIGUSR2);
    pthread_create(&thread, 0, work, 0);
    sigprocmask(SIG_BLOCK, &both, 0);
    while (!at_work) {}

    /* To a thread that computes, one after the other: each has returned, or is about to. */
    hits = second = 0;
    for (int i = 0; i < 25; i++) {
        to_worker(SIGUSR1);
        while (hits != i + 1) sched_yield();
    }
    printf("to the worker: %d\n", hits);
    for (int i = 0; i < 25; i++) { /* the other one, that the first handler blocks */
        to_worker(SIGUSR1);
        to_worker(SIGUSR2);
        while (second != i + 1 || hits != 26 + i) sched_yield();
    }
    printf("both: %d %d\n", hits, second);
    for (int i = 0; i < 25; i++) { /* whom only the worker can take */
        kill(getpid(), SIGUSR1);
        kill(getpid(), SIGUSR2);
        while (second != 26 + i || hits != 51 + i) sched_yield();
    }
    printf("to the process: %d %d\n", hits, second);

    /* While its handler runs: pending until that returns. */
    install(SIGUSR1, stay, 0, SIGUSR2);
    hits = second = 0;
    for (int i = 0; i < 40; i++) {
        entered = leave = 0;
        to_worker(SIGUSR1);
        while (!entered) sched_yield();
        if (i % 2) to_worker(SIGUSR2);
        else kill(getpid(), SIGUSR2);
        if (i % 3 == 0 && second != i) printf("too early\n");
        if (i == 20) show_blocked("inside:");
        leave = 1;
        while (hits != i + 1 || second != i + 1) sched_yield();
        for (long now = rounds; i == 20 && rounds < now + 2;) {}
        if (i == 20) show_blocked("outside:");
    }
    printf("pending until the handler returned: %d %d\n", hits, second);
    stop = 1;
    pthread_join(thread, 0);
    return 0;
}

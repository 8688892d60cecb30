#include "t.h"
/* PR_SET_TSC: the time stamp counter read where it is forbidden, by threads, children and executed programs. */
#include <x86intrin.h>

static sigjmp_buf out;
static siginfo_t got;
static void fault(int s, siginfo_t *i, void *u) {
    got = *i;
    siglongjmp(out, 1);
}
static void tell(const char *what, int failed) {
    printf("%s: %s", what, failed ? "SIGSEGV" : "read");
    if (failed) printf(" %d %d", got.si_code, got.si_addr != NULL);
    puts("");
}
static int counter(void) {
    if (sigsetjmp(out, 1)) return 1;
    __rdtsc();
    return 0;
}
static int counter_p(void) {
    unsigned cpu;
    if (sigsetjmp(out, 1)) return 1;
    __rdtscp(&cpu);
    return 0;
}
static void all(const char *who) {
    int mode = 0;
    SHOW(prctl(PR_GET_TSC, &mode)), VAL(mode);
    puts(who), tell("rdtsc", counter()), tell("rdtscp", counter_p());
    /* calls, which need no counter, still work */
    fflush(stdout);
}
static void *thread(void *how) {
    all("a thread");
    if (how) SHOW(prctl(PR_SET_TSC, PR_TSC_ENABLE)), all("a thread by itself");
    return NULL;
}

int main(int argc, char **argv) {
    struct sigaction a = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
    int mode = 0, s;
    pthread_t id;
    alarm(20);
    sigaction(SIGSEGV, &a, NULL);
    all("at first");
    SHOW(prctl(PR_GET_TSC, BAD)), SHOW(prctl(PR_SET_TSC, 0)), SHOW(prctl(PR_SET_TSC, 3));
    SHOW(prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 1, 1, 1)), SHOW(prctl(PR_SET_TSC, PR_TSC_SIGSEGV));
    all("forbidden");
    pthread_create(&id, NULL, thread, NULL), pthread_join(id, NULL);
    pthread_create(&id, NULL, thread, id), pthread_join(id, NULL);
    all("after a thread has allowed it to itself");
    if (!fork()) all("a child"), _exit(0);
    wait(NULL);
    if (!vfork()) _exit(prctl(PR_SET_TSC, PR_TSC_ENABLE) || counter());
    wait(&s), show_status(s);
    if (!fork()) { /* what is loaded reads it, and is killed */
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        execl("/bin/sh", "sh", "-c", "true", NULL);
    }
    wait(&s), printf("executed: %d\n", WIFSIGNALED(s) ? WTERMSIG(s) : 0);
    SHOW(prctl(PR_SET_TSC, (1UL << 32) + PR_TSC_ENABLE)), all("allowed");
    return 0;
}

/* Scheduling calls of an ordinary user: which errors, in which order, and what stays. */
#include "t.h"
#include <sched.h>
#include <sys/syscall.h>

struct attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t least, most;
    char more[64];
};

static void told(const char *what, long result) {
    printf("%s: %s", what, result < 0 ? strerrorname_np(errno) : "ok");
    puts("");
}

#define DO(...) told(#__VA_ARGS__, syscall(__VA_ARGS__))

/* In a process of its own, as what one call leaves is not the others' business. */
#define ALONE(...)                                                                                                         \
    do {                                                                                                                   \
        pid_t child = fork();                                                                                              \
        if (!child) {                                                                                                      \
            __VA_ARGS__;                                                                                                   \
            _exit(0);                                                                                                      \
        }                                                                                                                  \
        waitpid(child, NULL, 0);                                                                                           \
    } while (0)

static void attributes(void) {
    const int sizes[] = {0, 1, 47, 48, 49, 55, 56, 57, 64, 100, 4097, 5000};
    for (int i = 0; i < 12; i++)
        ALONE(struct attr a = {.size = sizes[i]}; long r = syscall(SYS_sched_setattr, 0, &a, 0);
              printf("size %d: %s %d\n", sizes[i], r < 0 ? strerrorname_np(errno) : "ok", a.size > 48));
    ALONE(struct attr a = {.size = 100}; a.more[30] = 1; DO(SYS_sched_setattr, 0, &a, 0); printf("%d\n", a.size >= 56));
    const uint64_t flags[] = {1, 2, 4, 8, 0x10, 0x18, 0x9, 1ull << 40, -1};
    for (int i = 0; i < 9; i++)
        ALONE(struct attr a = {.size = 56, .flags = flags[i]}; long r = syscall(SYS_sched_setattr, 0, &a, 0);
              printf("flags %lx: %s %d\n", flags[i], r < 0 ? strerrorname_np(errno) : "ok", sched_getscheduler(0)));
    ALONE(struct attr a = {.size = 48, .flags = 0x20}; DO(SYS_sched_setattr, 0, &a, 0));
    for (int nice = -21; nice < 22; nice += 3)
        ALONE(struct attr a = {.size = 48, .nice = nice}; long r = syscall(SYS_sched_setattr, 0, &a, 0);
              printf("nice %d: %s %d\n", nice, r < 0 ? strerrorname_np(errno) : "ok", getpriority(PRIO_PROCESS, 0)));
    struct attr a = {.size = 48, .policy = 6, .runtime = 1000000, .deadline = 2000000, .period = 3000000};
    DO(SYS_sched_setattr, 0, &a, 0), a.runtime = 10;
    DO(SYS_sched_setattr, 0, &a, 0), a.runtime = 3000000;
    DO(SYS_sched_setattr, 0, &a, 0), a.runtime = 0;
    DO(SYS_sched_setattr, 0, &a, 0), a.runtime = 1000000, a.priority = 1;
    DO(SYS_sched_setattr, 0, &a, 0), a.policy = 77;
    DO(SYS_sched_setattr, 0, &a, 0), a.policy = 1;
    DO(SYS_sched_setattr, 0, &a, 0), a.policy = -1;
    DO(SYS_sched_setattr, 0, &a, 0);
    DO(SYS_sched_setattr, 0, 0, 0), DO(SYS_sched_setattr, -1, &a, 0), DO(SYS_sched_setattr, 0, &a, 1), DO(SYS_sched_setattr, 0, 1, 0);
    a.policy = a.priority = 0;
    DO(SYS_sched_setattr, 99999999, &a, 0), DO(SYS_sched_setattr, getppid(), &a, 0);
}

static void policies(void) {
    const int kinds[] = {0, 1, 2, 3, 4, 5, 6, 8, -1, 0x40000000, 0x40000001}, priorities[] = {-1, 0, 1, 50, 99, 100};
    for (int i = 0; i < 11; i++)
        for (int j = 0; j < 6; j++)
            ALONE(struct sched_param p = {priorities[j]}; long r = syscall(SYS_sched_setscheduler, 0, kinds[i], &p);
                  printf("%x %d: %s", kinds[i], priorities[j], r < 0 ? strerrorname_np(errno) : "ok");
                  printf(" %x", (int)syscall(SYS_sched_getscheduler, 0)); told(" param", syscall(SYS_sched_setparam, 0, &p)));
    const int io[] = {0, 1, 0x2000, 0x2007, 0x4000, 0x4007, 0x6000, 0x6007, 0x8000, 0xe000, 0x10000};
    for (int i = 0; i < 11; i++)
        ALONE(long r = syscall(SYS_ioprio_set, 1, 0, io[i]); printf("ioprio %x: %s", io[i], r < 0 ? strerrorname_np(errno) : "ok");
              printf(" %x\n", (int)syscall(SYS_ioprio_get, 1, 0)));
    DO(SYS_ioprio_set, 0, 0, 0x4000), DO(SYS_ioprio_set, 4, 0, 0x4000), DO(SYS_ioprio_set, 1, getppid(), 0x4000);
    DO(SYS_setpriority, 3, 0, 0), DO(SYS_setpriority, 0, getppid(), 5), DO(SYS_setpriority, 0, 0, 5), DO(SYS_setpriority, 0, 0, 4);
}

int main(void) {
    setbuf(stdout, NULL);
    if (!fork()) {
        setgroups(0, NULL), setgid(1000), setuid(1000);
        attributes(), policies();
        struct rlimit two = {2, 2};
        timer_t timer;
        setrlimit(RLIMIT_SIGPENDING, &two);
        sigset_t all;
        sigfillset(&all), sigprocmask(SIG_BLOCK, &all, NULL);
        told("queued", sigqueue(getpid(), 40, (union sigval){0}));
        told("timer", timer_create(CLOCK_MONOTONIC, NULL, &timer));
        told("one timer more", timer_create(CLOCK_MONOTONIC, NULL, &timer));
        told("queued", sigqueue(getpid(), 40, (union sigval){0}));
        told("sent", kill(getpid(), 40));
        _exit(0);
    }
    wait(NULL);
    return 0;
}

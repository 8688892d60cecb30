#include "container_caps.h"

int main(void) {
    as_in_container();
    struct sched_param s = {0};
    struct timespec t;
    int policies[] = {SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE, 4, 6, 99};
    for (int i = 0; i < 8; i++) {
        SHOW(sched_get_priority_min(policies[i]));
        SHOW(sched_get_priority_max(policies[i]));
    }
    SHOW(sched_yield());
    SHOW(sched_getscheduler(0));
    SHOW(sched_getscheduler(-1));
    SHOW(sched_getscheduler(99999999));
    SHOW(sched_getparam(0, &s));
    VAL(s.sched_priority);
    SHOW(sched_getparam(0, NULL));
    SHOW(syscall(SYS_sched_getparam, 0, BAD));
    SHOW(sched_setparam(0, &s));
    s.sched_priority = 1;
    SHOW(sched_setparam(0, &s));
    SHOW(sched_setscheduler(0, SCHED_OTHER, &s));
    SHOW(sched_setscheduler(0, SCHED_FIFO, &s));
    SHOW(sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &s));
    s.sched_priority = 0;
    SHOW(sched_setscheduler(0, SCHED_BATCH, &s));
    SHOW(sched_getscheduler(0));
    SHOW(sched_setscheduler(0, 77, &s));
    SHOW(sched_setscheduler(0, SCHED_IDLE | SCHED_RESET_ON_FORK, &s));
    VAL(sched_getscheduler(0) == (SCHED_IDLE | SCHED_RESET_ON_FORK));
    pid_t p = MUST(fork());
    if (!p) {
        SHOW(sched_getscheduler(0));
        _exit(0);
    }
    reap(p);
    SHOW(sched_rr_get_interval(-1, &t));
    SHOW(syscall(SYS_sched_rr_get_interval, 0, BAD));
    SHOW(setpriority(PRIO_PROCESS, 0, 7));
    SHOW(getpriority(PRIO_PROCESS, 0));
    SHOW(setpriority(PRIO_PROCESS, 0, 100));
    SHOW(getpriority(PRIO_PROCESS, 0));
    SHOW(setpriority(PRIO_PROCESS, 0, 3));
    SHOW(setpriority(9, 0, 3));
    SHOW(setpriority(PRIO_PROCESS, 99999999, 3));
    SHOW(getpriority(PRIO_USER, 54321));
    return 0;
}

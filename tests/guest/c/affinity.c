#include "t.h"

int main(void) {
    cpu_set_t set, again;
    unsigned long small[16];
    CPU_ZERO(&set);
    VAL(syscall(SYS_sched_getaffinity, 0, sizeof set, &set) > 0);
    VAL(CPU_COUNT(&set) > 0);
    int first = 0;
    while (!CPU_ISSET(first, &set)) first++;
    CPU_ZERO(&set);
    CPU_SET(first, &set);
    SHOW(sched_setaffinity(0, sizeof set, &set));
    CPU_ZERO(&again);
    SHOW(sched_getaffinity(0, sizeof again, &again));
    VAL(CPU_EQUAL(&set, &again));
    VAL(sched_getcpu() == first);
    unsigned cpu = 99, node = 99;
    SHOW(syscall(SYS_getcpu, &cpu, &node, NULL));
    VAL(cpu == first);
    SHOW(syscall(SYS_getcpu, NULL, NULL, NULL));
    SHOW(syscall(SYS_getcpu, BAD, NULL, NULL));
    CPU_ZERO(&set);
    SHOW(sched_setaffinity(0, sizeof set, &set));
    CPU_SET(1000, &set);
    SHOW(sched_setaffinity(0, sizeof set, &set));
    SHOW(sched_setaffinity(99999999, sizeof set, &again));
    SHOW(syscall(SYS_sched_setaffinity, 0, 8, BAD));
    SHOW(syscall(SYS_sched_getaffinity, 0, 7, small));
    SHOW(syscall(SYS_sched_getaffinity, 0, 0, small));
    SHOW(syscall(SYS_sched_getaffinity, 0, 128, BAD));
    SHOW(syscall(SYS_sched_getaffinity, 99999999, 128, small));
    pid_t p = MUST(fork());
    if (!p) {
        CPU_ZERO(&set);
        sched_getaffinity(0, sizeof set, &set);
        VAL(CPU_EQUAL(&set, &again));
        MUST(setuid(1000));
        SHOW(sched_setaffinity(getppid(), sizeof set, &again));
        _exit(0);
    }
    reap(p);
    return 0;
}

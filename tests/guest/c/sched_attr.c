#include "t.h"
struct attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t util_min, util_max;
};
#define SET(p, a, f) syscall(SYS_sched_setattr, p, a, f)
#define GET(p, a, n, f) syscall(SYS_sched_getattr, p, a, n, f)

int main(void) {
    struct attr a;
    memset(&a, 0xee, sizeof a);
    SHOW(GET(0, &a, 48, 0));
    printf("%u %u %lu %d %u\n", a.size, a.policy, a.flags, a.nice, a.priority);
    memset(&a, 0xee, sizeof a);
    SHOW(GET(0, &a, sizeof a, 0));
    printf("%u %u %u\n", a.size, a.util_min, a.util_max != 0xeeeeeeee);
    SHOW(GET(0, &a, 47, 0));
    SHOW(GET(0, &a, 48, 1));
    SHOW(GET(-1, &a, 48, 0));
    SHOW(GET(0, NULL, 48, 0));
    SHOW(GET(0, BAD, 48, 0));
    SHOW(GET(99999999, &a, 48, 0));
    a = (struct attr){.size = 48, .policy = SCHED_BATCH, .nice = 5};
    SHOW(SET(0, &a, 0));
    memset(&a, 0, sizeof a);
    SHOW(GET(0, &a, sizeof a, 0));
    printf("%u %d\n", a.policy, a.nice);
    VAL(getpriority(PRIO_PROCESS, 0));
    VAL(sched_getscheduler(0));
    a = (struct attr){.size = 48, .policy = 77};
    SHOW(SET(0, &a, 0));
    a = (struct attr){.size = 48, .policy = SCHED_OTHER, .priority = 3};
    SHOW(SET(0, &a, 0));
    a = (struct attr){.size = 48, .policy = SCHED_FIFO};
    SHOW(SET(0, &a, 0));
    a = (struct attr){.size = 48, .policy = SCHED_OTHER, .flags = 1UL << 40};
    SHOW(SET(0, &a, 0));
    SHOW(SET(0, &a, 1));
    SHOW(SET(0, NULL, 0));
    SHOW(SET(0, BAD, 0));
    a = (struct attr){.size = 20};
    SHOW(SET(0, &a, 0));
    VAL(a.size >= 48);
    MUST(setuid(1000));
    a = (struct attr){.size = 48, .policy = SCHED_FIFO, .priority = 3};
    SHOW(SET(0, &a, 0));
    a = (struct attr){.size = 48, .policy = SCHED_OTHER, .nice = -3};
    SHOW(SET(0, &a, 0));
    /* deadlines: what is no such attribute, and what could be one */
    static const unsigned long times[][3] = {
        {10000, 100000, 0}, {100000, 1000000, 1000000}, {10, 100, 100}, {0, 0, 0}, {2000, 1000, 0}, {100000, 1000000, 500000},
    };
    for (unsigned n = 0; n < sizeof times / sizeof *times; n++)
        for (unsigned more = 0; more < 3; more++) {
            a = (struct attr){.size = 48, .policy = 6, .flags = more == 1 ? 7 : 0, .priority = more == 2 ? 5 : 0};
            a.runtime = times[n][0], a.deadline = times[n][1], a.period = times[n][2];
            SHOW(SET(0, &a, 0));
        }
    return 0;
}

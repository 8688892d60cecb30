#include "two_users.h"
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
/* Who may change how another process is scheduled: its user, who has all of its capabilities. */

static void change(int pid) {
    struct sched_param none = {0};
    cpu_set_t set;
    MUST(sched_getaffinity(0, sizeof set, &set));
    SHOW(setpriority(PRIO_PROCESS, pid, 7));
    SHOW(setpriority(PRIO_PROCESS, pid, 5));
    SHOW(sched_setscheduler(pid, SCHED_BATCH, &none));
    SHOW(sched_setparam(pid, &none));
    SHOW(sched_setaffinity(pid, sizeof set, &set));
    SHOW(syscall(SYS_ioprio_set, 1, pid, 2 << 13 | 6));
}

static void be(int user, int keep) {
    MUST(prctl(PR_SET_KEEPCAPS, keep));
    become(user);
}

int main(void) {
    alarm(30);
    pair("the same user", be, 1000, 0, change, 1000);
    pair("another user", be, 1001, 0, change, 1000);
    pair("the same user, with capabilities", be, 1000, 1, change, 1000);
    pair("root", be, 0, 0, change, 1000);
    return 0;
}

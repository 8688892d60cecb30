#include "t.h"
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
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

static void pair(const char *what, int keep, int user, int changer) {
    int ready[2];
    char one;
    printf("%s\n", what);
    fflush(stdout);
    MUST(pipe(ready));
    int target = MUST(fork());
    if (!target) {
        MUST(prctl(PR_SET_KEEPCAPS, keep));
        MUST(setgid(user));
        MUST(setuid(user));
        MUST(write(ready[1], "x", 1));
        for (;;)
            pause();
    }
    MUST(read(ready[0], &one, 1));
    int pid = MUST(fork());
    if (!pid) {
        MUST(setgid(changer));
        MUST(setuid(changer));
        change(target);
        fflush(stdout);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    kill(target, SIGKILL);
    waitpid(target, NULL, 0);
    close(ready[0]), close(ready[1]);
}

int main(void) {
    alarm(30);
    pair("the same user", 0, 1000, 1000);
    pair("another user", 0, 1001, 1000);
    pair("the same user, with capabilities", 1, 1000, 1000);
    pair("root", 0, 0, 1000);
    return 0;
}

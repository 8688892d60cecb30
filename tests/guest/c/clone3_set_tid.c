// admin
#include "t.h"
#include <linux/sched.h>
#include <linux/kcmp.h>

static long make(void *tids, uint64_t count) {
    struct clone_args args = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)tids, .set_tid_size = count};
    return syscall(SYS_clone3, &args, sizeof args);
}

int main(void) {
    pid_t tids[40] = {0}, me = getpid();
    pid_t gone = fork();
    if (!gone) _exit(0);
    reap(gone);
    tids[0] = gone;
    pid_t child = make(tids, 1);
    if (!child) _exit(getpid() == gone ? 7 : 8);
    VAL(child == gone);
    reap(child);
    tids[0] = me;
    SHOW(make(tids, 1));
    tids[0] = 0;
    SHOW(make(tids, 1));
    tids[0] = -5;
    SHOW(make(tids, 1));
    SHOW(make(tids, 0));
    SHOW(make(NULL, 1));
    SHOW(make(BAD, 1));
    SHOW(make(tids, 33));
    SHOW(syscall(SYS_reboot, 1, 2, 3, 0));
    SHOW(syscall(SYS_reboot, 0xfee1dead, 2, 3, 0));
    child = fork();
    if (!child) pause(), _exit(0);
    SHOW(syscall(SYS_kcmp, me, child, KCMP_SYSVSEM, 0, 0));
    kill(child, SIGKILL);
    reap(child);
    return 0;
}

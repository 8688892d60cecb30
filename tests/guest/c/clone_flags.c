#include "t.h"

static char stack[65536];
static int value;
static int child(void *arg) {
    value = 42;
    close(*(int *)arg);
    umask(0);
    return 6;
}
static void try(int flags, const char *name) {
    value = 1;
    umask(022);
    int fd = MUST(dup(1)), s = 0;
    pid_t p = clone(child, stack + sizeof stack, flags | SIGCHLD, &fd);
    if (p == -1) {
        printf("%s: %s\n", name, ename(errno));
        close(fd);
        return;
    }
    waitpid(p, &s, 0);
    printf("%s: memory %d fd %s umask %o ", name, value, fcntl(fd, F_GETFD) == -1 ? "closed" : "open", umask(022));
    show_status(s);
    close(fd);
}
#define TRY(f) try(f, #f)
int main(void) {
    TRY(0), TRY(CLONE_VM), TRY(CLONE_FILES), TRY(CLONE_FS), TRY(CLONE_VM | CLONE_VFORK), TRY(CLONE_VM | CLONE_SIGHAND);
    TRY(CLONE_SIGHAND), TRY(CLONE_THREAD), TRY(CLONE_THREAD | CLONE_SIGHAND), TRY(CLONE_FS | CLONE_NEWNS);
    pid_t tid = 0;
    struct { uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, n, cgroup; } a = {0};
    a.exit_signal = SIGCHLD, a.flags = CLONE_PARENT_SETTID, a.parent_tid = (uint64_t)&tid;
    pid_t p = syscall(SYS_clone3, &a, sizeof a);
    if (p == 0) _exit(11);
    VAL(tid == p);
    reap(p);
    SHOW(syscall(SYS_clone3, &a, 8));
    a.exit_signal = 200;
    SHOW(syscall(SYS_clone3, &a, sizeof a));
    SHOW(syscall(SYS_clone3, BAD, sizeof a));
    int pidfd = -1;
    a.exit_signal = SIGCHLD, a.flags = CLONE_PIDFD, a.pidfd = (uint64_t)&pidfd;
    p = syscall(SYS_clone3, &a, sizeof a);
    if (p == 0) _exit(12);
    struct pollfd f = {pidfd, POLLIN};
    SHOW(poll(&f, 1, 5000));
    siginfo_t i;
    SHOW(waitid(P_PIDFD, pidfd, &i, WEXITED));
    VAL(i.si_status);
    SHOW(syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0));
    return 0;
}

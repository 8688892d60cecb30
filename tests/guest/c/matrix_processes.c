// private
#include "t.h"
#include "container_caps.h"
#include <linux/sched.h>
/* Scheduling, limits, waiting, namespaces and what another user may not do, at each value. */

#define E(e) ({ errno = 0; long r_ = (long)(e); printf(" %s", r_ == -1 ? ename(errno) : r_ ? "n" : "0"); })
static int in_child(void (*f)(void)) {
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) f(), fflush(stdout), _exit(0);
    int s;
    waitpid(pid, &s, 0);
    return s;
}
static int other; /* a process of root's */
static void scheduling(void) {
    printf("policies:");
    for (int policy = -1; policy < 9; policy++) {
        if (policy == 4 || policy == 7) continue;
        for (int prio = -1; prio < 101; prio += prio < 2 ? 1 : 49) {
            struct sched_param p = {prio};
            E(syscall(SYS_sched_setscheduler, 0, policy, &p));
        }
        E(sched_get_priority_max(policy)), E(sched_get_priority_min(policy));
    }
    struct sched_param p = {0};
    printf("\nsched:");
    E(syscall(SYS_sched_setscheduler, -1, 0, &p)), E(syscall(SYS_sched_setscheduler, 0, 0, NULL)), E(syscall(SYS_sched_setscheduler, 0, 0, BAD)), E(syscall(SYS_sched_setscheduler, 1 << 30, 0, &p)), E(syscall(SYS_sched_setscheduler, 0, SCHED_RESET_ON_FORK, &p));
    E(syscall(SYS_sched_getscheduler, 0)), E(syscall(SYS_sched_getscheduler, -1)), E(syscall(SYS_sched_getscheduler, 1 << 30)), E(syscall(SYS_sched_getparam, 0, &p)), E(syscall(SYS_sched_getparam, -1, &p)), E(syscall(SYS_sched_getparam, 0, NULL)), E(syscall(SYS_sched_getparam, 0, BAD)), E(syscall(SYS_sched_setparam, 0, NULL)), E(syscall(SYS_sched_setparam, -1, &p)), E(syscall(SYS_sched_setparam, 0, &p));
    struct timespec t;
    E(syscall(SYS_sched_rr_get_interval, -1, &t)), E(syscall(SYS_sched_rr_get_interval, 1 << 30, &t));
    unsigned long mask[16] = {0}, all[16];
    E(syscall(SYS_sched_setaffinity, 0, 8, mask)), E(syscall(SYS_sched_setaffinity, 0, 0, mask)), E(syscall(SYS_sched_setaffinity, 0, 8, BAD)), E(syscall(SYS_sched_setaffinity, 1 << 30, 8, mask)), E(syscall(SYS_sched_setaffinity, -1, 8, mask)), E(syscall(SYS_sched_getaffinity, 0, 0, mask)), E(syscall(SYS_sched_getaffinity, 0, 7, mask)), E(syscall(SYS_sched_getaffinity, 0, 128, BAD)), E(syscall(SYS_sched_getaffinity, 1 << 30, 128, mask));
    printf("\npriority:");
    for (int which = -1; which < 4; which++) E(({ errno = 0; getpriority(which, 0); errno ? -1 : 0; })), E(({ errno = 0; getpriority(which, 1 << 30); errno ? -1 : 0; })), E(setpriority(which, 1 << 30, 0)), E(({ errno = 0; getpriority(which, -1); errno ? -1 : 0; }));
    E(setpriority(PRIO_PROCESS, 0, 5)), E(setpriority(PRIO_PROCESS, 0, 4)), E(setpriority(PRIO_PROCESS, 0, 99)), E(setpriority(PRIO_PROCESS, 0, -99));
    printf("\nioprio:");
    for (int class = 0; class < 8; class++)
        for (int level = 0; level < 10; level += 3) E(syscall(SYS_ioprio_set, 1, 0, class << 13 | level));
    for (int which = 0; which < 5; which++) E(syscall(SYS_ioprio_get, which, 1 << 30)), E(syscall(SYS_ioprio_set, which, 1 << 30, 2 << 13));
    puts("");
}
static void limits(void) {
    printf("limits:");
    struct rlimit r, wide = {10, 5}, most = {RLIM_INFINITY, RLIM_INFINITY};
    for (int n = -1; n < 18; n++) E(syscall(SYS_getrlimit, n, &r)), E(syscall(SYS_setrlimit, n, &wide)), E(syscall(SYS_prlimit64, 0, n, NULL, NULL));
    E(syscall(SYS_getrlimit, 0, BAD)), E(syscall(SYS_setrlimit, 0, BAD)), E(syscall(SYS_prlimit64, 1 << 30, 0, NULL, NULL)), E(syscall(SYS_prlimit64, -1, 0, NULL, NULL)), E(syscall(SYS_prlimit64, 0, 0, BAD, NULL));
    E(setrlimit(RLIMIT_NOFILE, &most));
    struct rlimit low = {3, 3}, up = {3, 4};
    E(setrlimit(RLIMIT_CORE, &low)), E(setrlimit(RLIMIT_CORE, &up)), E(setrlimit(RLIMIT_CORE, &wide));
    struct rusage u;
    for (int who = -3; who < 3; who++) E(getrusage(who, &u));
    E(getrusage(0, BAD));
    struct rlimit size = {100, 100};
    signal(SIGXFSZ, SIG_IGN);
    int fd = MUST(open("limited", O_RDWR | O_CREAT, 0644)), m = MUST(memfd_create("m", 0));
    setrlimit(RLIMIT_FSIZE, &size);
    char b[200] = {0};
    E(write(fd, b, 99) == 99 ? 0 : 1), E(write(fd, b, 5) == 1 ? 0 : 1), E(write(fd, b, 5)), E(pwrite(fd, b, 5, 98) == 2 ? 0 : 1), E(pwrite(fd, b, 1, 100)), E(ftruncate(fd, 101)), E(truncate("limited", 101)), E(ftruncate(fd, 100)), E(posix_fallocate(fd, 0, 101)), E(fallocate(fd, 1, 0, 101)), E(write(m, b, 200) == 100 ? 0 : 1), E(sendfile(m, fd, NULL, 1)), E(pwrite(fd, b, 0, 500));
    struct rlimit files = {5, 5};
    setrlimit(RLIMIT_NOFILE, &files);
    E(open(".", O_RDONLY) >= 0 ? 0 : -1), E(dup(0) >= 0 ? 0 : -1), E(dup2(0, 5)), E(dup2(0, 4) == 4 ? 0 : -1), E(fcntl(0, F_DUPFD, 5)), E(fcntl(0, F_DUPFD, 0) >= 0 ? 0 : -1), E(socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ? 0 : -1), E(eventfd(0, 0) >= 0 ? 0 : -1), E(poll(NULL, 6, 0)), E(dup3(0, 6, 0)), E(epoll_create1(0) >= 0 ? 0 : -1), E(memfd_create("x", 0) >= 0 ? 0 : -1), E(timerfd_create(1, 0) >= 0 ? 0 : -1);
    int p[2];
    E(pipe(p)), E(socketpair(AF_UNIX, SOCK_STREAM, 0, p)), E(inotify_init() >= 0 ? 0 : -1), E(syscall(SYS_pidfd_open, getpid(), 0) >= 0 ? 0 : -1);
    puts("");
}
static void waiting(void) {
    printf("wait:");
    int s;
    struct rusage u;
    for (int b = 0; b < 32; b++) E(syscall(SYS_wait4, -1, &s, 1u << b, &u));
    E(wait4(INT_MIN, &s, 0, &u)), E(wait4(1 << 30, &s, 0, &u)), E(wait4(-(1 << 30), &s, WNOHANG, &u)), E(wait4(0, &s, 0, &u));
    siginfo_t i;
    for (int kind = -1; kind < 5; kind++)
        for (int id = -1; id < 3; id++) E(syscall(SYS_waitid, kind, id ? id > 1 ? 1 << 29 : id : 0, &i, WEXITED | WNOHANG, NULL));
    for (int b = 0; b < 32; b++) E(syscall(SYS_waitid, P_ALL, 0, &i, 1u << b, NULL));
    E(syscall(SYS_waitid, P_ALL, 0, &i, 0, NULL));
    pid_t pid = fork();
    if (!pid) _exit(3);
    E(syscall(SYS_waitid, P_PID, pid, BAD, WEXITED | WNOWAIT, NULL)), E(syscall(SYS_waitid, P_PID, pid, NULL, WEXITED | WNOWAIT, NULL)), E(syscall(SYS_wait4, pid, BAD, 0, NULL)), E(wait4(pid, NULL, 0, NULL));
    printf("\nids:");
    E(getpgid(1 << 30)), E(getpgid(-1)), E(getsid(1 << 30)), E(getsid(-1)), E(setpgid(-1, 0)), E(setpgid(0, -1)), E(setpgid(1 << 30, 0)), E(setpgid(0, 1 << 30)), E(setpgid(getppid(), 0)), E(setsid() > 0 ? 0 : -1), E(setsid()), E(setpgid(0, 0));
    gid_t g[4];
    E(syscall(SYS_getgroups, -1, g)), E(syscall(SYS_getgroups, 0, NULL) * 0), E(syscall(SYS_setgroups, 65537, g)), E(syscall(SYS_setgroups, -1, g)), E(syscall(SYS_setgroups, 1, BAD)), E(syscall(SYS_getresuid, BAD, &s, &s)), E(syscall(SYS_getresgid, &s, &s, BAD)), E(setuid(-1)), E(setgid(-1)), E(setreuid(-1, -1)), E(setresuid(-1, -1, -1)), E(syscall(SYS_setfsuid, -1)), E(syscall(SYS_setfsgid, -1));
    printf("\nunshare:");
    for (int b = 0; b < 32; b++)
        if (!(1u << b & (CLONE_NEWUSER | CLONE_NEWTIME))) E(({ int r = 0, s; pid_t c; fflush(stdout); if (!(c = fork())) _exit(unshare(1u << b) ? errno : 0); waitpid(c, &s, 0); errno = WEXITSTATUS(s); errno ? -1 : 0; }));
    printf("\nclone:");
    for (int b = 8; b < 32; b++) {
        unsigned f = 1u << b;
        if (f & (CLONE_NEWUSER | CLONE_VFORK | CLONE_VM | CLONE_SETTLS | CLONE_PIDFD | CLONE_PARENT)) continue;
        E(({ long c; fflush(stdout); c = syscall(SYS_clone, f | SIGCHLD, 0, &s, &s, 0); if (!c) _exit(0); int e = errno; if (c > 0) waitpid(c, NULL, 0); errno = e; c > 0 ? 0 : -1; }));
    }
    E(syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0)), E(syscall(SYS_clone, CLONE_SIGHAND, 0, 0, 0, 0)), E(syscall(SYS_clone, CLONE_FS | CLONE_NEWNS, 0, 0, 0, 0)), E(syscall(SYS_clone, CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWPID, 0, 0, 0, 0)), E(syscall(SYS_clone, CLONE_PIDFD | CLONE_PARENT_SETTID, 0, &s, 0, 0)), E(syscall(SYS_clone, CLONE_PIDFD | CLONE_DETACHED, 0, &s, 0, 0)), E(syscall(SYS_clone, CLONE_NEWIPC | CLONE_SYSVSEM, 0, 0, 0, 0));
    struct clone_args a = {0};
    E(syscall(SYS_clone3, &a, 8)), E(syscall(SYS_clone3, &a, 63)), E(syscall(SYS_clone3, NULL, sizeof a)), E(syscall(SYS_clone3, BAD, sizeof a)), E(syscall(SYS_clone3, &a, 8192));
    a.exit_signal = 65, E(syscall(SYS_clone3, &a, sizeof a)), a.exit_signal = 0x100, E(syscall(SYS_clone3, &a, sizeof a)), a.exit_signal = 17, a.stack = 1, E(syscall(SYS_clone3, &a, sizeof a)), a.stack = 0, a.stack_size = 1, E(syscall(SYS_clone3, &a, sizeof a)), a.stack_size = 0, a.flags = CLONE_DETACHED, E(syscall(SYS_clone3, &a, sizeof a)), a.flags = 1L << 40, E(syscall(SYS_clone3, &a, sizeof a)), a.flags = 255, E(syscall(SYS_clone3, &a, sizeof a)), a.flags = 0, a.set_tid_size = 1, E(syscall(SYS_clone3, &a, sizeof a)), a.set_tid_size = 33, a.set_tid = 8, E(syscall(SYS_clone3, &a, sizeof a)), a.set_tid = a.set_tid_size = 0, a.flags = CLONE_INTO_CGROUP, a.cgroup = -1, E(syscall(SYS_clone3, &a, sizeof a)), a.cgroup = 0, a.flags = CLONE_CLEAR_SIGHAND | CLONE_SIGHAND | CLONE_VM, E(syscall(SYS_clone3, &a, sizeof a));
    printf("\npidfd:");
    for (int b = 0; b < 32; b++)
        if (1u << b != 0x80) E(({ int f = syscall(SYS_pidfd_open, getpid(), 1u << b); f < 0 ? -1 : close(f); }));
    int me = syscall(SYS_pidfd_open, getpid(), 0), null = open("/dev/null", O_RDONLY);
    E(syscall(SYS_pidfd_open, 0, 0)), E(syscall(SYS_pidfd_open, -1, 0)), E(syscall(SYS_pidfd_open, 1 << 30, 0)), E(syscall(SYS_pidfd_send_signal, me, 0, NULL, 8)), E(syscall(SYS_pidfd_send_signal, me, 65, NULL, 0)), E(syscall(SYS_pidfd_send_signal, me, 0, BAD, 0)), E(syscall(SYS_pidfd_send_signal, null, 0, NULL, 0)), E(syscall(SYS_pidfd_getfd, me, 0, 1)), E(syscall(SYS_pidfd_getfd, me, 999, 0)), E(syscall(SYS_pidfd_getfd, null, 0, 0)), E(syscall(SYS_process_madvise, me, NULL, 0, 0, 1)), E(syscall(SYS_process_madvise, null, NULL, 0, MADV_COLD, 0)), E(syscall(SYS_process_mrelease, me, 1)), E(syscall(SYS_process_mrelease, me, 0)), E(syscall(SYS_process_mrelease, null, 0));
    printf("\nfutex:");
    int word = 0;
    for (int op = 0; op < 20; op++)
        if (op != 6 && op != 13) E(syscall(SYS_futex, &word, op, 1, 0, &word, 0));
    word = 0;
    E(syscall(SYS_futex, BAD, FUTEX_WAKE, 1, 0, 0, 0)), E(syscall(SYS_futex, (char *)&word + 1, FUTEX_WAKE, 1, 0, 0, 0)), E(syscall(SYS_futex, BAD, FUTEX_WAIT, 1, 0, 0, 0)), E(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, 0, 0, 0)), E(syscall(SYS_futex, &word, FUTEX_WAKE_BITSET, 1, 0, 0, 0)), E(syscall(SYS_futex, &word, FUTEX_WAIT | 256, 1, 0, 0, 0)), E(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE, 1, 1, &word, 7)), E(syscall(SYS_futex, &word, FUTEX_REQUEUE, -1, 1, &word, 0)), E(syscall(SYS_futex, &word, FUTEX_UNLOCK_PI, 0, 0, 0, 0));
    struct timespec odd = {0, -1};
    E(syscall(SYS_futex, &word, FUTEX_WAIT, 0, &odd, 0, 0)), E(syscall(SYS_futex, &word, FUTEX_WAIT, 0, BAD, 0, 0)), E(syscall(SYS_set_robust_list, 8, 7)), E(syscall(SYS_get_robust_list, 1 << 30, &word, &word)), E(syscall(SYS_get_robust_list, 0, BAD, &word));
    puts("");
}
static void stranger(void) {
    MUST(setgroups(0, NULL)), MUST(setresgid(7, 7, 7)), MUST(setresuid(7, 7, 7));
    printf("stranger:");
    char b[8];
    struct sched_param p = {1};
    struct rlimit r = {1, 1};
    union { struct file_handle h; char room[64]; } h = {{8, 1}};
    E(open("mine", O_RDONLY)), E(open("mine", O_RDONLY | O_NOATIME)), E(open("theirs", O_RDONLY | O_NOATIME)), E(open("theirs", O_WRONLY)), E(open("new", O_CREAT, 0644)), E(access("mine", R_OK)), E(access("theirs", W_OK)), E(unlink("theirs")), E(rename("theirs", "x")), E(mkdir("x", 0755)), E(rmdir("closed")), E(chmod("theirs", 0777)), E(chown("theirs", 7, 7)), E(chown("owned", -1, 0)), E(chown("owned", 7, 7)), E(truncate("theirs", 0)), E(utimes("theirs", NULL)), E(utimensat(0, "theirs", (struct timespec[]){{1, 0}, {1, 0}}, 0)), E(link("theirs", "open/l")), E(symlink("x", "open/s")), E(mknod("open/n", S_IFCHR | 0644, 0x103)), E(mknod("open/p", S_IFIFO | 0644, 0)), E(chdir("closed")), E(open("closed/x", O_RDONLY)), E(unlink("sticky/f")), E(rename("sticky/f", "sticky/g")), E(setxattr("theirs", "user.a", b, 1, 0)), E(getxattr("mine", "user.a", b, 1)), E(setxattr("owned", "trusted.a", b, 1, 0)), E(setxattr("owned", "security.a", b, 1, 0)), E(chroot("open")), E(open("open/w", O_CREAT | O_EXCL, 04755) >= 0 ? 0 : -1), E(listxattr("mine", b, 8));
    E(kill(other, 0)), E(kill(other, SIGTERM)), E(syscall(SYS_tgkill, other, other, 0)), E(kill(1, 0)), E(syscall(SYS_pidfd_open, other, 0) >= 0 ? 0 : -1), E(setpriority(PRIO_PROCESS, other, 5)), E(sched_setscheduler(other, 0, &p)), E(({ p.sched_priority = 0; sched_setscheduler(other, 0, &p); })), E(({ p.sched_priority = 1; sched_setscheduler(0, SCHED_FIFO, &p); })), E(prlimit(other, RLIMIT_CORE, NULL, &r)), E(syscall(SYS_ioprio_set, 1, other, 2 << 13)), E(syscall(SYS_ioprio_set, 1, 0, 1 << 13)), E(setpgid(other, 0)), E(getsid(other) > 0 ? 0 : -1), E(syscall(SYS_sched_setaffinity, other, 8, (long[]){1})), E(process_vm_readv(other, NULL, 0, NULL, 0, 0)), E(syscall(SYS_kcmp, getpid(), other, 0, 0, 0)), E(syscall(SYS_get_robust_list, other, b, b)), E(syscall(SYS_move_pages, other, 0, 0, 0, 0, 0)), E(syscall(SYS_migrate_pages, other, 8, (long[]){1}, (long[]){1}));
    E(mount("none", "open", "tmpfs", 0, NULL)), E(umount("open")), E(sethostname("x", 1)), E(setdomainname("x", 1)), E(unshare(CLONE_NEWNS)), E(unshare(CLONE_NEWPID)), E(reboot(0)), E(swapoff("x")), E(syscall(SYS_acct, NULL)), E(syscall(SYS_clock_settime, 0, (struct timespec[]){{1, 0}})), E(syscall(SYS_settimeofday, (struct timeval[]){{1, 0}}, NULL)), E(syscall(SYS_bpf, 0, 0, 0) == 0 ? 0 : errno == EPERM || errno == EINVAL ? 1 : 2), E(syscall(SYS_vhangup)), E(syscall(SYS_pivot_root, "open", "open")), E(syscall(SYS_syslog, 5, NULL, 0)), E(syscall(SYS_setns, open("/proc/self/ns/uts", O_RDONLY), 0)), E(setuid(0)), E(setgid(0)), E(setreuid(-1, 0)), E(setresgid(0, -1, -1)), E(setgroups(0, NULL)), E(nice(-1)), E(mlock(b, 8) ? -1 : 0), E(syscall(SYS_open_by_handle_at, AT_FDCWD, &h, 0)), E(syscall(SYS_fanotify_init, 0, 0) >= 0 ? -1 : errno == EPERM ? 0 : 1), E(syscall(SYS_quotactl, 0x80000100, "x", 0, 0) >= 0 ? 0 : errno == EPERM || errno == ENOENT || errno == ENOTBLK ? 0 : 1);
    puts("");
}
int main(void) {
    as_in_container();
    umask(022);
    put("mine", "x"), put("theirs", "x"), put("owned", "x"), put("limited", "");
    MUST(chmod("mine", 0600)), MUST(chown("owned", 7, 8)), MUST(mkdir("closed", 0700)), MUST(mkdir("open", 0777)), MUST(chmod("open", 0777)), MUST(mkdir("sticky", 0777)), MUST(chmod("sticky", 01777));
    put("sticky/f", "x");
    int p[2];
    MUST(pipe(p));
    if (!(other = fork())) {
        char c;
        close(p[1]), read(p[0], &c, 1), _exit(0);
    }
    close(p[0]);
    show_status(in_child(scheduling)), show_status(in_child(limits)), show_status(in_child(waiting)), show_status(in_child(stranger));
    close(p[1]);
    waitpid(other, NULL, 0);
    return 0;
}

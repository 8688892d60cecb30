#include "t.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>

#define NOTIFY(call, flags)                                                                                        \
    ({                                                                                                             \
        struct sock_filter f_[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1), \
                                   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}; \
        struct sock_fprog p_ = {4, f_};                                                                            \
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &p_);                                                 \
    })
enum { LISTEN = SECCOMP_FILTER_FLAG_NEW_LISTENER };
static struct seccomp_notif req;
static struct seccomp_notif_resp resp;

static long receive(int fd) {
    memset(&req, 0, sizeof req);
    return ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &req);
}
static long answer(int fd, long val, int error, unsigned flags) {
    resp = (struct seccomp_notif_resp){req.id, val, error, flags};
    return ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}
/* A child with a filter on getpriority and dup; its listener comes over a socket. */
static int supervised(pid_t *pid, int (*body)(void)) {
    int pair[2], fd;
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    *pid = fork();
    char control[CMSG_SPACE(sizeof fd)] = {0}, byte = 0;
    struct iovec v = {&byte, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    if (!*pid) {
        MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        fd = MUST(NOTIFY(SYS_getpriority, LISTEN));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
        MUST(sendmsg(pair[0], &m, 0));
        close(fd), close(pair[0]), close(pair[1]);
        _exit(body());
    }
    MUST(recvmsg(pair[1], &m, 0));
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
    close(pair[0]), close(pair[1]);
    return fd;
}
static void handler(int n) {}
static int calls(void) {
    long a = syscall(SYS_getpriority, PRIO_PROCESS, 0);
    long b = syscall(SYS_getpriority, 77, 88) == -1 ? errno : 0;
    long c = syscall(SYS_getpriority, PRIO_PROCESS, 0);
    return a == 1234 && b == ENOTTY && c == 20 - getpriority(PRIO_PROCESS, 0) ? 0 : 1;
}
static int fds(void) {
    long fd = syscall(SYS_getpriority, 0, 0);
    long at = syscall(SYS_getpriority, 0, 0);
    return (fcntl(fd, F_GETFD) == FD_CLOEXEC) | (at == 200 && fcntl(200, F_GETFD) == 0) << 1;
}
static int interrupted(void) {
    handle(SIGUSR1, handler, 0);
    handle(SIGUSR2, handler, SA_RESTART);
    long a = syscall(SYS_getpriority, 1, 2) == -1 ? errno : 0;
    long b = syscall(SYS_getpriority, 3, 4);
    return a == EINTR && b == 5 ? 0 : 1;
}
static int forever(void) { return syscall(SYS_getpriority, 0, 0) == -1 && errno == ENOSYS ? 3 : 4; }

int main(void) {
    pid_t pid;
    struct pollfd p;
    int fd = supervised(&pid, calls);
    struct seccomp_notif dirty = {.pid = 1};
    SHOW(ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &dirty));
    SHOW(ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, BAD));
    SHOW(ioctl(fd, 0x1234, 0));
    SHOW(answer(fd, 1, 0, 0));
    SHOW(receive(fd));
    VAL(req.pid == pid), VAL(req.data.nr), VAL(req.data.arch == AUDIT_ARCH_X86_64), VAL(req.data.args[0]), VAL(req.flags);
    SHOW(ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &req.id));
    p = (struct pollfd){fd, POLLIN | POLLOUT, 0};
    SHOW(poll(&p, 1, 0)), VAL(p.revents);
    SHOW(answer(fd, 0, 0, 2));
    SHOW(answer(fd, 1, 0, 1));
    SHOW(answer(fd, 1234, 0, 0));
    SHOW(ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &req.id));
    SHOW(receive(fd));
    VAL(req.data.args[0]), VAL(req.data.args[1]);
    SHOW(answer(fd, 0, -ENOTTY, 0));
    SHOW(receive(fd));
    SHOW(answer(fd, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
    SHOW(receive(fd));
    SHOW(answer(fd, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
    reap(pid);
    p.events = POLLIN;
    SHOW(poll(&p, 1, -1)), VAL(p.revents);
    close(fd);

    fd = supervised(&pid, fds);
    SHOW(receive(fd));
    struct seccomp_notif_addfd add = {.id = req.id, .srcfd = 1, .newfd_flags = O_CLOEXEC};
    add.newfd = 5;
    SHOW(ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
    add.newfd = 0, add.flags = 8;
    SHOW(ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
    add.flags = 0, add.srcfd = 99;
    SHOW(ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
    add.srcfd = 1;
    long number = ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
    VAL(number > 2);
    SHOW(answer(fd, number, 0, 0));
    SHOW(receive(fd));
    add = (struct seccomp_notif_addfd){req.id, SECCOMP_ADDFD_FLAG_SETFD | SECCOMP_ADDFD_FLAG_SEND, 1, 200, 0};
    SHOW(ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
    reap(pid);
    close(fd);

    fd = supervised(&pid, interrupted);
    SHOW(receive(fd));
    kill(pid, SIGUSR1);
    SHOW(receive(fd));
    VAL(req.data.args[0]);
    uint64_t old = req.id;
    kill(pid, SIGUSR2);
    SHOW(receive(fd));
    VAL(req.id != old), VAL(req.data.args[0]);
    SHOW(ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &old));
    SHOW(answer(fd, 5, 0, 0));
    reap(pid);
    close(fd);

    fd = supervised(&pid, forever);
    SHOW(receive(fd));
    close(fd);
    reap(pid);
    fd = supervised(&pid, forever);
    SHOW(receive(fd));
    kill(pid, SIGKILL);
    reap(pid);
    SHOW(answer(fd, 5, 0, 0));
    close(fd);

    pid = fork();
    if (!pid) {
        MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        SHOW(NOTIFY(SYS_getpriority, 0));
        SHOW(syscall(SYS_getpriority, 0, 0));
        SHOW(NOTIFY(SYS_setpriority, LISTEN | SECCOMP_FILTER_FLAG_TSYNC));
        OK(NOTIFY(SYS_setpriority, LISTEN));
        SHOW(NOTIFY(SYS_setpriority, LISTEN));
        SHOW(syscall(SYS_getpriority, 0, 0));
        unsigned action = SECCOMP_RET_USER_NOTIF;
        SHOW(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
        exit(0);
    }
    reap(pid);
    return 0;
}

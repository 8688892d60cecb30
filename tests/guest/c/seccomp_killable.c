/* SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: once the supervisor has fetched a call, only what kills its task ends it. */
#include "t.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

#define KILLABLE (1UL << 5)

static int filter(unsigned long flags) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {4, code};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static volatile int heard;
static void on_signal(int signo) { heard++; }

static void supervise(int killable, int how) {
    int pair[2], fd;
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    printf("killable %d, %s\n", killable, how == 0 ? "a signal" : how == 1 ? "SIGKILL" : "the call goes on");
    pid_t p = MUST(fork());
    if (!p) {
        alarm(20);
        struct sigaction action = {.sa_handler = on_signal};
        sigaction(SIGUSR1, &action, NULL);
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        fd = filter(SECCOMP_FILTER_FLAG_NEW_LISTENER | (killable ? KILLABLE : 0));
        write(pair[1], &fd, sizeof fd);
        errno = 0;
        long result = syscall(SYS_getppid);
        int number = errno;
        while (read(pair[1], &fd, 1) < 0); /* until the supervisor has told of itself */
        printf("call: %s %s, signals %d\n", result == 77 ? "77" : result > 0 ? "its own" : "-", ename(number), heard);
        _exit(0);
    }
    MUST(read(pair[0], &fd, sizeof fd));
    int pidfd = syscall(SYS_pidfd_open, p, 0);
    int listener = MUST(syscall(SYS_pidfd_getfd, pidfd, fd, 0));
    struct seccomp_notif request = {0};
    MUST(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request));
    VAL(request.pid == p);
    kill(p, how == 1 ? SIGKILL : SIGUSR1);
    if (how == 1 || !killable) {
        if (how == 1)
            reap(p);
        struct pollfd gone = {listener, POLLIN | POLLOUT, 0};
        for (int i = 0; i < 5000 && ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &request.id) == 0; i++)
            nap(1);
        SHOW(ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &request.id));
        if (how != 1)
            write(pair[0], "x", 1), reap(p);
        SHOW(poll(&gone, 1, 0)), VAL(gone.revents);
    } else {
        SHOW(ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &request.id));
        struct seccomp_notif_resp answer = {request.id, how == 2 ? 0 : 77, 0, how == 2 ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0};
        SHOW(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer));
        write(pair[0], "x", 1);
        reap(p);
    }
    close(listener), close(pidfd), close(pair[0]), close(pair[1]);
}

int main(void) {
    alarm(40);
    pid_t p = fork();
    if (!p) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        SHOW(filter(KILLABLE));
        SHOW(filter(KILLABLE | SECCOMP_FILTER_FLAG_TSYNC));
        SHOW(filter(KILLABLE << 1));
        _exit(0);
    }
    reap(p);
    supervise(0, 0), supervise(0, 1);
    supervise(1, 0), supervise(1, 1), supervise(1, 2);
    return 0;
}

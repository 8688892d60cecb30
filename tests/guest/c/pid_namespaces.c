// admin
#include "t.h"
#include <ctype.h>
#include <linux/nsfs.h>
#include <linux/sched.h>
#include <sys/mount.h>

static int up[2], down[2]; /* a byte each way between the two sides */

static void tell(int *pipe_) { MUST(write(pipe_[1], "x", 1)); }
static void hear(int *pipe_) {
    char c;
    if (read(pipe_[0], &c, 1) != 1) _exit(98);
}
/* A child in a new PID namespace, made by clone. */
static pid_t nested(int more) { return syscall(SYS_clone, CLONE_NEWPID | more | SIGCHLD, 0, 0, 0, 0); }
static void told(const char *name, int status) {
    if (WIFEXITED(status)) printf("%s exited %d\n", name, WEXITSTATUS(status));
    else if (WIFSIGNALED(status)) printf("%s killed by %d\n", name, WTERMSIG(status));
    else if (WIFSTOPPED(status)) printf("%s stopped by %d\n", name, WSTOPSIG(status));
}
static void end(const char *name, pid_t pid) {
    int status;
    VAL(waitpid(pid, &status, 0) == pid);
    told(name, status);
}
static void lines(pid_t pid, const char *prefix, pid_t outer) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, prefix, strlen(prefix))) {
            printf("%s", prefix);
            for (char *p = strtok(line + strlen(prefix), "\t\n"); p; p = strtok(NULL, "\t\n"))
                atoi(p) == outer ? printf(" OUTER") : printf(" %s", p);
            printf("\n");
        }
    if (f) fclose(f);
}
static void nothing(int signo) {}

/* Numbers on both sides, and what init is spared. */
static int first(void) {
    VAL(getpid()), VAL(getppid()), VAL(getpgrp()), VAL(getsid(0)), VAL(syscall(SYS_gettid));
    SHOW(kill(getpid(), SIGTERM)), SHOW(kill(1, SIGKILL)), SHOW(raise(SIGSTOP));
    SHOW(kill(-1, SIGTERM)), SHOW(kill(0, 0));
    SHOW(kill(2, 0)), SHOW(setsid()), VAL(getsid(0)), VAL(getpgrp());
    signal(SIGUSR1, nothing);
    SHOW(raise(SIGUSR1));
    pid_t child = fork();
    if (!child) {
        hear(down);
        VAL(getpid()), VAL(getppid());
        SHOW(kill(1, SIGKILL)), SHOW(kill(1, SIGTERM));
        pid_t grandchild = fork();
        if (!grandchild) {
            tell(up), hear(down);
            VAL(getppid());
            _exit(5);
        }
        hear(up);
        _exit(4);
    }
    VAL(child), tell(down);
    end("child", child);
    tell(down);
    int status;
    pid_t orphan = wait(&status);
    VAL(orphan), told("orphan", status);
    SHOW(waitpid(-1, NULL, 0)), SHOW(waitpid(77, NULL, 0));
    SHOW(kill(77, 0)), SHOW(getpgid(77));
    return 3;
}

static int sender_of(int want) {
    sigset_t set;
    siginfo_t info;
    sigemptyset(&set), sigaddset(&set, SIGUSR1);
    struct timespec limit = {5, 0};
    if (sigtimedwait(&set, &info, &limit) != SIGUSR1) return -1;
    return want == info.si_pid;
}

int main(void) {
    int status;
    MUST(pipe(up)), MUST(pipe(down));
    pid_t child = nested(0);
    if (!child) _exit(first());
    end("first", child);

    /* Signals across: no number from outside, KILL and STOP reach init */
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, SIGUSR1), sigprocmask(SIG_BLOCK, &set, NULL);
    pid_t me = getpid();
    child = nested(0);
    if (!child) {
        tell(up), VAL(sender_of(0)), tell(up);
        for (;;) pause();
    }
    hear(up), MUST(kill(child, SIGUSR1)), hear(up);
    SHOW(kill(child, SIGTERM)), SHOW(waitpid(child, &status, WNOHANG));
    SHOW(kill(child, SIGSTOP)), VAL(waitpid(child, &status, WUNTRACED) == child), told("init", status);
    SHOW(kill(child, SIGCONT)), VAL(waitpid(child, &status, WCONTINUED) == child), VAL(WIFCONTINUED(status) != 0);
    lines(child, "NSpid:", child), lines(child, "NStgid:", child), lines(child, "Pid:", child);
    lines(child, "PPid:", me);
    int fd = syscall(SYS_pidfd_open, child, 0);
    char text[64], name[64];
    snprintf(name, sizeof name, "/proc/self/fdinfo/%d", fd);
    FILE *f = fopen(name, "r");
    while (fgets(text, sizeof text, f))
        if (!strncmp(text, "NSpid:", 6)) {
            int a = 0, b = 0;
            VAL(sscanf(text, "NSpid:\t%d\t%d", &a, &b)), VAL(a == child), VAL(b);
        }
    fclose(f);
    SHOW(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0));
    siginfo_t info;
    SHOW(waitid(P_PIDFD, fd, &info, WEXITED)), VAL(info.si_pid == child), VAL(info.si_status);
    close(fd);

    /* unshare: the children are inside, not the caller; no threads; one init and no second */
    child = fork();
    if (!child) {
        char a[64] = "", b[64] = "", c[64] = "";
        VAL(readlink("/proc/self/ns/pid", a, 63) > 0);
        SHOW(unshare(CLONE_NEWPID));
        VAL(readlink("/proc/self/ns/pid", b, 63) > 0), VAL(strcmp(a, b));
        SHOW(readlink("/proc/self/ns/pid_for_children", c, 63));
        VAL(getpid() == getpgrp());
        SHOW(unshare(CLONE_NEWPID));
        SHOW(syscall(SYS_clone, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, 0, 0, 0, 0));
        pid_t init = fork();
        if (!init) {
            VAL(getpid()), VAL(getppid()), tell(up);
            for (;;) pause();
        }
        hear(up);
        VAL(readlink("/proc/self/ns/pid_for_children", c, 63) > 0), VAL(strcmp(a, c) != 0);
        pid_t second = fork();
        if (!second) {
            VAL(getpid()), VAL(getppid()), tell(up);
            for (;;) pause();
        }
        hear(up);
        snprintf(name, sizeof name, "/proc/%d/ns/pid", init);
        VAL(readlink(name, b, 63) > 0), VAL(strcmp(b, c));
        /* init is gone only after everybody else was reaped */
        SHOW(kill(init, SIGKILL));
        VAL(waitpid(second, &status, 0) == second), told("second", status);
        end("init", init);
        SHOW(fork());
        int again = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
        printf("%s\n", again == -1 ? ename(errno) : "made");
        int own = MUST(open("/proc/self/ns/pid", O_RDONLY));
        SHOW(setns(own, CLONE_NEWPID)), SHOW(setns(own, CLONE_NEWUTS));
        SHOW(unshare(CLONE_NEWPID));
        _exit(0);
    }
    end("unshare", child);

    /* setns into it, and not back */
    child = nested(0);
    if (!child) {
        tell(up);
        for (;;) pause();
    }
    hear(up);
    snprintf(name, sizeof name, "/proc/%d/ns/pid", child);
    int inner = MUST(open(name, O_RDONLY | O_CLOEXEC)), outer = MUST(open("/proc/self/ns/pid", O_RDONLY));
    VAL(ioctl(inner, NS_GET_NSTYPE) == CLONE_NEWPID);
    int parent = ioctl(inner, NS_GET_PARENT);
    struct stat s1, s2;
    MUST(fstat(parent, &s1)), MUST(fstat(outer, &s2)), VAL(s1.st_ino == s2.st_ino);
    close(parent);
    pid_t visitor = fork();
    if (!visitor) {
        SHOW(setns(inner, CLONE_NEWPID));
        VAL(getpid() > 1);
        pid_t p = fork();
        if (!p) {
            VAL(getpid()), VAL(getppid());
            SHOW(setns(outer, CLONE_NEWPID));
            SHOW(ioctl(inner, NS_GET_PARENT));
            pid_t deeper = nested(0);
            if (!deeper) {
                VAL(getpid()), VAL(getppid());
                tell(up), hear(down);
                _exit(0);
            }
            hear(up);
            VAL(deeper), tell(down), end("deeper", deeper);
            _exit(9);
        }
        end("visitor", p);
        SHOW(setns(outer, 0));
        _exit(0);
    }
    end("visit", visitor);
    close(inner);
    kill(child, SIGKILL), end("inner", child);

    /* Credentials of messages */
    int pair[2];
    struct ucred got;
    socklen_t size = sizeof got;
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    int on = 1;
    MUST(setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    MUST(getsockopt(pair[1], SOL_SOCKET, SO_PEERCRED, &got, &size)), VAL(got.pid == me);
    pid_t sender = nested(0);
    if (!sender) {
        size = sizeof got;
        MUST(getsockopt(pair[1], SOL_SOCKET, SO_PEERCRED, &got, &size)), VAL(got.pid);
        MUST(write(pair[1], "a", 1)), hear(down);
        _exit(0);
    }
    char control[CMSG_SPACE(sizeof got)];
    struct iovec iov = {text, 1};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    MUST(recvmsg(pair[0], &m, 0));
    memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof got);
    VAL(got.pid == sender);
    tell(down), end("sender", sender);

    /* Locks, owners, System V */
    int file = MUST(open("locked", O_RDWR | O_CREAT, 0600));
    struct flock lock = {.l_type = F_WRLCK};
    MUST(fcntl(file, F_SETLK, &lock));
    MUST(fcntl(file, F_SETOWN, me));
    int queue = MUST(msgget(IPC_PRIVATE, 0600));
    struct { long type; char c; } message = {1, 'c'};
    MUST(msgsnd(queue, &message, 1, 0));
    sender = nested(0);
    if (!sender) {
        struct msqid_ds ds;
        struct flock l = {.l_type = F_WRLCK};
        MUST(fcntl(file, F_GETLK, &l)), VAL(l.l_type == F_WRLCK), VAL(l.l_pid);
        SHOW(fcntl(file, F_GETOWN));
        MUST(msgctl(queue, IPC_STAT, &ds)), VAL(ds.msg_lspid), VAL(ds.msg_lrpid);
        MUST(msgrcv(queue, &message, 1, 0, 0));
        MUST(msgctl(queue, IPC_STAT, &ds)), VAL(ds.msg_lrpid);
        _exit(0);
    }
    end("locks", sender);
    struct msqid_ds ds;
    MUST(msgctl(queue, IPC_STAT, &ds)), VAL(ds.msg_lspid == me), VAL(ds.msg_lrpid == sender);
    msgctl(queue, IPC_RMID, NULL);

    /* /proc of it */
    child = nested(CLONE_NEWNS);
    if (!child) {
        MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
        SHOW(readlink("/proc/self", text, sizeof text) > 0);
        MUST(mount("proc", "/proc", "proc", 0, NULL));
        memset(text, 0, sizeof text), MUST(readlink("/proc/self", text, 63)), STR(text);
        memset(text, 0, sizeof text), MUST(readlink("/proc/thread-self", text, 63)), STR(text);
        DIR *d = opendir("/proc");
        for (struct dirent *e; (e = readdir(d));)
            if (isdigit((unsigned char)e->d_name[0])) printf("process %s\n", e->d_name);
        closedir(d);
        lines(1, "NSpid:", 0), lines(1, "PPid:", 0), lines(1, "NSpgid:", 0), lines(1, "NSsid:", 0);
        int pid, ppid, pgrp, session;
        f = fopen("/proc/self/stat", "r");
        VAL(fscanf(f, "%d %*s %*s %d %d %d", &pid, &ppid, &pgrp, &session)), VAL(pid), VAL(ppid), VAL(pgrp), VAL(session);
        fclose(f);
        _exit(0);
    }
    end("proc", child);

    /* clone3 with numbers on two levels */
    pid_t gone = fork();
    if (!gone) _exit(0);
    waitpid(gone, NULL, 0);
    pid_t tids[3] = {1, gone, 0};
    struct clone_args args = {.flags = CLONE_NEWPID, .exit_signal = SIGCHLD, .set_tid = (uintptr_t)tids, .set_tid_size = 2};
    child = syscall(SYS_clone3, &args, sizeof args);
    if (!child) _exit(getpid());
    VAL(child == gone), end("chosen", child);
    tids[0] = 7;
    SHOW(syscall(SYS_clone3, &args, sizeof args));
    args.flags = 0;
    SHOW(syscall(SYS_clone3, &args, sizeof args));
    args.flags = CLONE_NEWPID, args.set_tid_size = 33;
    SHOW(syscall(SYS_clone3, &args, sizeof args));

    /* a storm inside ends with init: nobody is left who holds the pipe */
    int held[2];
    MUST(pipe(held));
    child = nested(0);
    if (!child) {
        close(held[0]);
        for (int i = 0; i < 4; i++)
            if (!fork()) {
                if (i == 3) tell(up);
                for (;;) {
                    pid_t p = fork();
                    if (!p) usleep(1000), _exit(0);
                    if (p > 0 && i & 1) waitpid(p, NULL, 0);
                    if (!(i & 1)) while (waitpid(-1, NULL, WNOHANG) > 0);
                }
            }
        for (;;) wait(NULL);
    }
    close(held[1]), hear(up), kill(child, SIGKILL), end("storm", child);
    VAL(read(held[0], text, 1));
    close(held[0]);

    /* 32 levels, each in the one before */
    child = fork();
    if (!child) {
        for (int level = 0;; level++) {
            pid_t p = nested(0);
            if (p == -1) {
                printf("level %d %s\n", level > 20, ename(errno));
                _exit(1);
            }
            if (p) {
                waitpid(p, NULL, 0);
                _exit(0);
            }
        }
    }
    waitpid(child, &status, 0);

    /* errors */
    SHOW(nested(CLONE_THREAD | CLONE_SIGHAND | CLONE_VM));
    SHOW(unshare(CLONE_NEWPID | CLONE_THREAD));
    child = fork();
    if (!child) {
        MUST(setresuid(1, 1, 1));
        SHOW(unshare(CLONE_NEWPID)), SHOW(nested(0)), SHOW(setns(outer, CLONE_NEWPID));
        _exit(0);
    }
    end("unprivileged", child);
    return 0;
}

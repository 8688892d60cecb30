// admin
#include "t.h"
#include <linux/nsfs.h>
#include <sys/mount.h>
#include <sys/fsuid.h>
#include <sys/ptrace.h>
#include <sys/sysmacros.h>

static int up[2], down[2];

static void tell(int *pipe_) { MUST(write(pipe_[1], "x", 1)); }
static void hear(int *pipe_) {
    char c;
    if (read(pipe_[0], &c, 1) != 1) _exit(98);
}
static pid_t nested(int more) { return syscall(SYS_clone, CLONE_NEWUSER | more | SIGCHLD, 0, 0, 0, 0); }
static void end(const char *name, pid_t pid) {
    int status;
    if (pid == -1) {
        printf("%s: %s\n", name, ename(errno));
        return;
    }
    VAL(waitpid(pid, &status, 0) == pid);
    WIFEXITED(status) ? printf("%s exited %d\n", name, WEXITSTATUS(status)) : printf("%s killed by %d\n", name, WTERMSIG(status));
}
static int set_file(pid_t pid, const char *file, const char *text) {
    char path[64];
    pid ? snprintf(path, sizeof path, "/proc/%d/%s", pid, file) : snprintf(path, sizeof path, "/proc/self/%s", file);
    int fd = open(path, O_WRONLY);
    if (fd == -1) return -1;
    int n = write(fd, text, strlen(text)), e = errno;
    close(fd);
    errno = e;
    return n;
}
static void show(pid_t pid, const char *file) {
    char path[64], text[4096];
    pid ? snprintf(path, sizeof path, "/proc/%d/%s", pid, file) : snprintf(path, sizeof path, "/proc/self/%s", file);
    int fd = open(path, O_RDONLY), n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    text[n < 0 ? 0 : n] = 0;
    printf("%s %s:\n%s", pid ? "other" : "own", file, text);
    close(fd);
}
static void ids(void) {
    uid_t r, e, s;
    getresuid(&r, &e, &s), printf("uid %u %u %u", r, e, s);
    getresgid(&r, &e, &s), printf(" gid %u %u %u", r, e, s);
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    syscall(SYS_capget, &head, data);
    printf(" calls %u %u %u %u", getuid(), geteuid(), getgid(), getegid());
    printf(" caps %x %x %x\n", data[0].effective, data[0].permitted, data[0].inheritable);
}
static void become(uid_t id) {
    MUST(setgroups(0, NULL)), MUST(setresgid(id, id, id)), MUST(setresuid(id, id, id)), MUST(prctl(PR_SET_DUMPABLE, 1));
}
/* An access list with an entry for user `id`, set and read again. */
static void list(const char *path, uint32_t id) {
    struct { uint32_t version; struct { uint16_t tag, allowed; uint32_t id; } entry[5]; } acl = {
        2, {{1, 7, -1}, {2, 4, id}, {4, 5, -1}, {16, 5, -1}, {32, 5, -1}}}, got = {0};
    SHOW(setxattr(path, "system.posix_acl_access", &acl, sizeof acl, 0));
    SHOW(getxattr(path, "system.posix_acl_access", &got, sizeof got)), VAL(got.entry[1].id);
}
static void owner(const char *path) {
    struct stat s;
    if (stat(path, &s)) printf("%s %s\n", path, ename(errno));
    else printf("%s %u %u %o\n", path, s.st_uid, s.st_gid, s.st_mode);
}

/* What an unprivileged user makes */
static int plain(void) {
    become(1000);
    ids();
    SHOW(unshare(CLONE_NEWNS)), SHOW(unshare(CLONE_NEWUTS));
    SHOW(unshare(CLONE_NEWUSER));
    ids();
    show(0, "uid_map"), show(0, "gid_map"), show(0, "setgroups");
    SHOW(setuid(0)), SHOW(setgroups(0, NULL)), SHOW(setfsuid(-1));
    SHOW(set_file(0, "uid_map", "")), SHOW(set_file(0, "uid_map", "0 1000")), SHOW(set_file(0, "uid_map", "0 1000 0"));
    SHOW(set_file(0, "uid_map", "0 1000 2")), SHOW(set_file(0, "uid_map", "0 0 1")), SHOW(set_file(0, "uid_map", "0 1000 1\n1 1001 1"));
    SHOW(set_file(0, "uid_map", "0 1000 1\n0 1001 1")), SHOW(set_file(0, "uid_map", "4294967295 1000 1")), SHOW(set_file(0, "uid_map", "x y z"));
    SHOW(set_file(0, "gid_map", "0 1000 1")), SHOW(set_file(0, "setgroups", "maybe")), SHOW(set_file(0, "setgroups", "deny"));
    SHOW(set_file(0, "setgroups", "allow")), SHOW(set_file(0, "gid_map", "0 1000 1")), SHOW(set_file(0, "setgroups", "deny"));
    ids();
    SHOW(set_file(0, "uid_map", "0 1000 1\n")), SHOW(set_file(0, "uid_map", "0 1000 1"));
    ids();
    show(0, "uid_map"), show(0, "gid_map"), show(0, "setgroups");
    SHOW(setgroups(0, NULL)), SHOW(setuid(0)), SHOW(setuid(1)), SHOW(setresgid(0, 5, 0));
    /* files of others are others' */
    owner("/etc/passwd"), owner("mine"), owner("roots");
    SHOW(open("roots", O_RDONLY)), SHOW(chown("roots", 0, 0)), SHOW(chmod("roots", 0777));
    SHOW(chown("mine", 0, 0)), SHOW(chown("mine", 1, 0)), SHOW(chown("mine", -1, -1)), SHOW(unlink("roots"));
    SHOW(access("roots", R_OK)), SHOW(mknod("device", S_IFCHR | 0666, makedev(1, 3)));
    /* what the first namespace owns stays out of reach */
    SHOW(sethostname("x", 1)), SHOW(mount("none", "/mnt", "tmpfs", 0, NULL)), SHOW(umount("/proc"));
    SHOW(kill(1, SIGKILL)), SHOW(kill(getppid(), 0)), SHOW(ptrace(PTRACE_ATTACH, getppid(), 0, 0));
    SHOW(setpriority(PRIO_PROCESS, getppid(), 5)), SHOW(nice(-5) == -1 ? -1 : 0);
    SHOW(syscall(SYS_reboot, 0xfee1dead, 672274793, 0x4321FEDC, 0));
    struct rlimit more = {RLIM_INFINITY, RLIM_INFINITY};
    MUST(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0})), SHOW(setrlimit(RLIMIT_CORE, &more));
    SHOW(chroot("/")), SHOW(unshare(CLONE_NEWUSER));
    struct stat s;
    SHOW(unshare(CLONE_NEWUTS)), SHOW(sethostname("inner", 5));
    return 0;
}

/* Maps that a privileged parent writes */
static void mapped(void) {
    pid_t child = nested(0);
    if (!child) {
        hear(down);
        ids();
        show(0, "uid_map");
        SHOW(setresgid(0, 0, 0)), SHOW(setresuid(0, 0, 0)), ids();
        SHOW(setgroups(1, (gid_t[]){5})), SHOW(setgroups(1, (gid_t[]){500}));
        gid_t list[4];
        VAL(getgroups(4, list)), VAL(list[0]);
        int fd = OK(open("made", O_CREAT | O_RDWR, 0644));
        SHOW(fchown(fd, 7, 8)), owner("made"), SHOW(fchown(fd, 100, 8)), SHOW(fchown(fd, 9, 100));
        owner("roots"), SHOW(chown("roots", 1, 1)), SHOW(open("roots", O_RDONLY));
        SHOW(setresuid(3, 4, 5)), ids();
        pid_t undumpable = nested(0);
        if (!undumpable) pause();
        SHOW(set_file(undumpable, "uid_map", "0 4 1")), kill(undumpable, SIGKILL), end("undumpable", undumpable);
        MUST(prctl(PR_SET_DUMPABLE, 1));
        /* one more below, with what is visible here */
        pid_t deeper = nested(0);
        if (!deeper) {
            hear(down);
            show(0, "uid_map"), ids(), owner("made");
            _exit(0);
        }
        SHOW(set_file(deeper, "uid_map", "0 4 1"));
        show(deeper, "uid_map");
        tell(down), end("deeper", deeper);
        tell(up), hear(down);
        _exit(0);
    }
    show(child, "uid_map");
    SHOW(set_file(child, "uid_map", "0 2000 10\n20 0 1")), SHOW(set_file(child, "gid_map", "0 2000 10")), SHOW(set_file(child, "setgroups", "deny"));
    show(child, "uid_map"), show(child, "setgroups");
    tell(down), hear(up);
    owner("made");
    char path[64];
    snprintf(path, sizeof path, "/proc/%d", child);
    struct stat dir;
    MUST(stat(path, &dir)), VAL(dir.st_uid), VAL(dir.st_gid);
    snprintf(path, sizeof path, "/proc/%d/ns/user", child);
    int inner = MUST(open(path, O_RDONLY)), own = MUST(open("/proc/self/ns/user", O_RDONLY));
    uid_t uid = 77;
    SHOW(ioctl(inner, NS_GET_OWNER_UID, &uid)), VAL(uid);
    struct stat a, b;
    int above = MUST(ioctl(inner, NS_GET_USERNS));
    MUST(fstat(above, &a)), MUST(fstat(own, &b)), VAL(a.st_ino == b.st_ino);
    above = MUST(ioctl(inner, NS_GET_PARENT));
    MUST(fstat(above, &a)), VAL(a.st_ino == b.st_ino);
    SHOW(setns(own, CLONE_NEWUSER)), SHOW(setns(inner, CLONE_NEWUTS));
    pid_t visitor = fork();
    if (!visitor) {
        SHOW(setns(inner, CLONE_NEWUSER)), ids();
        SHOW(setns(own, 0)), SHOW(setns(inner, 0)), SHOW(sethostname("x", 1));
        SHOW(ioctl(own, NS_GET_PARENT)), SHOW(ioctl(inner, NS_GET_USERNS));
        _exit(0);
    }
    end("visitor", visitor);
    visitor = fork();
    if (!visitor) {
        become(1000);
        SHOW(setns(inner, CLONE_NEWUSER)), SHOW(set_file(child, "uid_map", "0 1000 1"));
        SHOW(kill(child, 0));
        _exit(0);
    }
    end("stranger", visitor);
    tell(down), end("mapped", child);
    close(inner), close(own);
}

/* Signals and messages carry ids as the receiver has them */
static void across(void) {
    int pair[2], on = 1;
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, SIGUSR1), sigprocmask(SIG_BLOCK, &set, NULL);
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    MUST(setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    MUST(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    pid_t me = getpid(), child = nested(0);
    char text[8], control[CMSG_SPACE(sizeof(struct ucred))];
    struct ucred got;
    struct iovec iov = {text, 1};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    if (!child) {
        hear(down);
        siginfo_t info;
        struct timespec limit = {5, 0};
        VAL(sigtimedwait(&set, &info, &limit)), VAL(info.si_uid), VAL(info.si_pid == me);
        MUST(recvmsg(pair[1], &m, 0));
        memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof got);
        VAL(got.uid), VAL(got.gid), VAL(got.pid == me);
        socklen_t size = sizeof got;
        MUST(getsockopt(pair[1], SOL_SOCKET, SO_PEERCRED, &got, &size)), VAL(got.uid), VAL(got.gid);
        SHOW(setresgid(3, 3, 3)), SHOW(setresuid(3, 3, 3));
        MUST(write(pair[1], "b", 1));
        MUST(kill(me, 0) == -1 ? 0 : 0);
        _exit(0);
    }
    MUST(set_file(child, "uid_map", "0 3000 10")), MUST(set_file(child, "gid_map", "0 3000 10"));
    MUST(kill(child, SIGUSR1)), MUST(write(pair[0], "a", 1));
    tell(down);
    MUST(recvmsg(pair[0], &m, 0));
    memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof got);
    VAL(got.uid), VAL(got.gid), VAL(got.pid == child);
    siginfo_t info;
    MUST(waitid(P_PID, child, &info, WEXITED)), VAL(info.si_uid), VAL(info.si_status);
    close(pair[0]), close(pair[1]);
}

/* Mounts */
static void mounts(void) {
    MUST(mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL));
    MUST(mkdir("a", 0777)), MUST(mkdir("b", 0777)), MUST(mkdir("c", 0777)), MUST(mkdir("d", 0777));
    chmod("a", 0777), chmod("b", 0777), chmod("c", 0777), chmod("d", 0777);
    MUST(mount("none", "a", "tmpfs", MS_NOSUID | MS_NOEXEC | MS_NOATIME, NULL)), MUST(mkdir("a/x", 0777));
    MUST(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC | MS_NOATIME, NULL));
    pid_t child = nested(CLONE_NEWNS);
    if (!child) {
        hear(down);
        SHOW(umount("a")), SHOW(umount2("a", MNT_DETACH)), SHOW(mount("a", "b", NULL, MS_MOVE, NULL));
        SHOW(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND, NULL));
        SHOW(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID, NULL));
        SHOW(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC, NULL));
        SHOW(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC | MS_RELATIME, NULL));
        SHOW(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_NOATIME, NULL));
        SHOW(mount(NULL, "a", NULL, MS_REMOUNT, NULL));
        SHOW(mount(".", "b", NULL, MS_BIND, NULL)), SHOW(mount("a", "b", NULL, MS_BIND, NULL));
        SHOW(umount("b"));
        SHOW(mount(".", "b", NULL, MS_BIND | MS_REC, NULL)), SHOW(umount("b/a")), SHOW(umount2("b", MNT_DETACH));
        SHOW(mount("none", "c", "tmpfs", 0, NULL)), owner("c");
        SHOW(mknod("c/null", S_IFCHR | 0666, makedev(1, 3))), SHOW(mkdir("c/y", 0755)), owner("c/y"), list("c/y", 5), list("c/y", 50);
        SHOW(mount("none", "d", "tmpfs", 0, "uid=5,gid=6")), SHOW(mount("none", "d", "tmpfs", 0, "uid=50"));
        SHOW(mount("none", "d", "tmpfs", 0, "uid=5,gid=6,mode=711")), owner("d");
        SHOW(mount("none", "d", "proc", 0, NULL)), SHOW(mount("none", "d", "sysfs", 0, NULL));
        SHOW(mount("none", "d", "nothing", 0, NULL));
        SHOW(mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL));
        SHOW(mount("none", "b", "tmpfs", 0, NULL));
        SHOW(mkdir("c/old", 0755)), SHOW(syscall(SYS_pivot_root, "a", "a/x"));
        SHOW(unshare(CLONE_NEWNS)), SHOW(umount("b")), SHOW(umount("a"));
        tell(up), hear(down);
        _exit(0);
    }
    MUST(set_file(child, "uid_map", "0 100 10\n20 0 1")), MUST(set_file(child, "gid_map", "0 100 10\n20 0 1"));
    tell(down), hear(up);
    owner("c/y"), owner("b");
    MUST(mount("none", "c", "tmpfs", 0, NULL)), MUST(umount("c"));
    tell(down), end("mounts", child);
    MUST(umount("a"));
    MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
}

/* Set-user-ID programs: only for ids that are mapped, not from foreign file systems */
static void setuids(const char *self) {
    char command[600];
    snprintf(command, sizeof command, "cp %s suid && chown 3001:3002 suid && chmod 6755 suid && cp %s root && chmod 4755 root", self, self);
    MUST(system(command));
    pid_t child = nested(0);
    if (!child) {
        hear(down);
        setresgid(5, 5, 5), setresuid(5, 5, 5);
        pid_t p = fork();
        if (!p) execl("./suid", "suid", "ids", NULL), _exit(97);
        end("suid", p);
        p = fork();
        if (!p) execl("./root", "root", "ids", NULL), _exit(97);
        end("root", p);
        _exit(0);
    }
    MUST(set_file(child, "uid_map", "0 3000 10")), MUST(set_file(child, "gid_map", "0 3000 10"));
    tell(down), end("setuids", child);
}

/* A stranger's process is closed even to the root of a namespace that does not hold it */
static void strangers(void) {
    pid_t victim = fork();
    if (!victim) {
        become(1000);
        tell(up);
        for (;;) pause();
    }
    hear(up);
    pid_t child = fork();
    if (!child) {
        become(1000);
        MUST(unshare(CLONE_NEWUSER));
        set_file(0, "setgroups", "deny"), set_file(0, "gid_map", "0 1000 1"), set_file(0, "uid_map", "0 1000 1");
        ids();
        SHOW(kill(victim, 0)), SHOW(ptrace(PTRACE_ATTACH, victim, 0, 0));
        int status;
        struct iovec iov = {&status, 4};
        SHOW(syscall(SYS_process_vm_readv, victim, &iov, 1, &(struct iovec){&up, 4}, 1, 0));
        SHOW(kill(getppid(), 0)), SHOW(ptrace(PTRACE_ATTACH, getppid(), 0, 0));
        _exit(0);
    }
    end("strangers", child);
    child = nested(0);
    if (!child) {
        tell(up);
        for (;;) pause();
    }
    hear(up);
    SHOW(ptrace(PTRACE_SEIZE, child, 0, 0)), SHOW(kill(child, SIGKILL)), end("child", child);
    kill(victim, SIGKILL), end("victim", victim);
}

int main(int count, char **words) {
    if (count > 1) {
        ids();
        return 0;
    }
    MUST(pipe(up)), MUST(pipe(down));
    chmod(".", 0777), umask(022);
    close(MUST(open("mine", O_CREAT | O_RDWR, 0644))), close(MUST(open("roots", O_CREAT | O_RDWR, 0600)));
    MUST(chown("mine", 1000, 1000));
    pid_t child = fork();
    if (!child) _exit(plain());
    end("plain", child);
    mapped(), across(), mounts(), strangers();
    setuids(words[0]);
    SHOW(nested(CLONE_FS)), SHOW(nested(CLONE_THREAD | CLONE_SIGHAND | CLONE_VM));
    child = fork();
    if (!child) {
        SHOW(chroot("a")), SHOW(unshare(CLONE_NEWUSER));
        _exit(0);
    }
    end("chrooted", child);
    child = fork();
    if (!child) {
        for (int level = 0;; level++) {
            pid_t p = nested(0);
            if (p == -1) {
                printf("deep %d %s\n", level > 20, ename(errno));
                _exit(1);
            }
            if (p) waitpid(p, NULL, 0), _exit(0);
            set_file(0, "setgroups", "deny"), set_file(0, "uid_map", "0 0 1"), set_file(0, "gid_map", "0 0 1");
        }
    }
    end("deep", child);
    return 0;
}

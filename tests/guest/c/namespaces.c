// admin cflags: -lrt
#include "t.h"
#include <sys/mount.h>
#include <linux/nsfs.h>

static char *link_of(const char *kind) {
    static char text[4][64];
    static int n;
    char path[64], *out = text[n++ % 4];
    snprintf(path, sizeof path, "/proc/self/ns/%s", kind);
    int size = readlink(path, out, 63);
    out[size < 0 ? 0 : size] = 0;
    return out;
}
static int open_ns(const char *kind) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/ns/%s", kind);
    return MUST(open(path, O_RDONLY | O_CLOEXEC));
}
static void name(void) {
    struct utsname u;
    uname(&u);
    printf("name %s\n", u.nodename);
}
static const char *kinds[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts", "pid_for_children", "time_for_children"};

int main(void) {
    int first[4], i;
    for (i = 0; i < 10; i++) {
        char *text = link_of(kinds[i]);
        int fd = open_ns(kinds[i]);
        struct stat s;
        char colon[64], want[64];
        MUST(fstat(fd, &s));
        snprintf(want, sizeof want, "[%lu]", (unsigned long)s.st_ino);
        printf("%s %.*s %d %o", kinds[i], (int)strcspn(text, ":"), text, !strcmp(strchr(text, ':') + 1, want), s.st_mode);
        printf(" type %x", ioctl(fd, NS_GET_NSTYPE));
        printf(" parent %s", ioctl(fd, NS_GET_PARENT) == -1 ? ename(errno) : "ok");
        uid_t uid = 9;
        printf(" owner %s", ioctl(fd, NS_GET_OWNER_UID, &uid) == -1 ? ename(errno) : "ok");
        int user = ioctl(fd, NS_GET_USERNS);
        printf(" user %s", user == -1 ? ename(errno) : "ok");
        printf(" read %s\n", read(fd, colon, 1) == -1 ? ename(errno) : "ok");
        close(fd), close(user);
    }
    SHOW(ioctl(MUST(open("/proc/self/ns/uts", O_RDONLY)), 0x1234));
    SHOW(open("/proc/self/ns/uts", O_WRONLY) == -1);
    char before[64];
    strcpy(before, link_of("uts"));
    int old_uts = open_ns("uts"), old_ipc = open_ns("ipc"), old_mnt = open_ns("mnt"), old_cgroup = open_ns("cgroup");
    char fdlink[64], target[64] = {0};
    snprintf(fdlink, sizeof fdlink, "/proc/self/fd/%d", old_uts);
    MUST(readlink(fdlink, target, 63));
    VAL(strcmp(target, before));
    SHOW(unshare(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNS | CLONE_NEWCGROUP));
    MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    VAL(strcmp(before, link_of("uts")) != 0);

    /* UTS */
    SHOW(sethostname("ours", 4));
    name();
    pid_t child = fork();
    if (!child) {
        name();
        MUST(unshare(CLONE_NEWUTS));
        MUST(sethostname("child", 5));
        name();
        show_file("/proc/sys/kernel/hostname");
        exit(0);
    }
    reap(child);
    name();

    /* IPC */
    int shm = MUST(shmget(77, 4096, IPC_CREAT | 0600)), sem = MUST(semget(78, 1, IPC_CREAT | 0600)), msg = MUST(msgget(79, IPC_CREAT | 0600));
    mqd_t q = MUST(mq_open("/ours", O_CREAT | O_RDWR, 0600, NULL));
    child = fork();
    if (!child) {
        MUST(unshare(CLONE_NEWIPC));
        SHOW(shmget(77, 4096, 0));
        SHOW(semget(78, 1, 0));
        SHOW(msgget(79, 0));
        SHOW(mq_open("/ours", O_RDWR));
        SHOW(mq_getattr(q, &(struct mq_attr){}));
        OK(shmget(77, 8192, IPC_CREAT | 0600));
        OK(mq_open("/theirs", O_CREAT | O_RDWR, 0600, NULL));
        int ipc = open_ns("ipc");
        SHOW(setns(old_ipc, CLONE_NEWIPC));
        SHOW(setns(ipc, 0));
        OK(shmget(77, 8192, 0));
        exit(0);
    }
    reap(child);
    OK(shmget(77, 4096, 0));
    SHOW(mq_open("/theirs", O_RDWR));

    /* Mounts */
    MUST(mount("m", "/srv", "tmpfs", 0, NULL));
    MUST(mkdir("/srv/d", 0755));
    MUST(chdir("/srv/d"));
    int to_parent[2], to_child[2];
    char byte;
    MUST(pipe(to_parent));
    MUST(pipe(to_child));
    child = fork();
    if (!child) {
        MUST(unshare(CLONE_NEWNS));
        MUST(mount("n", "/srv/d", "tmpfs", 0, NULL));
        put("/srv/d/only-here", "x");
        SHOW(access("only-here", F_OK));
        SHOW(access("/srv/d/only-here", F_OK));
        MUST(write(to_parent[1], "", 1));
        MUST(read(to_child[0], &byte, 1));
        exit(0);
    }
    MUST(read(to_parent[0], &byte, 1));
    SHOW(access("/srv/d/only-here", F_OK));
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/root/srv/d/only-here", child);
    SHOW(access(path, F_OK));
    snprintf(path, sizeof path, "/proc/%d/ns/mnt", child);
    int theirs = MUST(open(path, O_RDONLY)), mine = open_ns("mnt");
    SHOW(setns(theirs, CLONE_NEWUTS));
    SHOW(setns(theirs, CLONE_NEWNS));
    char cwd[100];
    STR(getcwd(cwd, sizeof cwd));
    SHOW(access("/srv/d/only-here", F_OK));
    SHOW(setns(mine, 0));
    SHOW(access("/srv/d/only-here", F_OK));
    int pidfd = MUST(syscall(SYS_pidfd_open, child, 0));
    SHOW(setns(pidfd, 0));
    SHOW(setns(pidfd, CLONE_NEWNS | CLONE_NEWUTS));
    SHOW(access("/srv/d/only-here", F_OK));
    MUST(write(to_child[1], "", 1));
    reap(child);
    SHOW(access("/srv/d/only-here", F_OK));
    SHOW(setns(pidfd, CLONE_NEWNS));
    SHOW(setns(mine, 0));
    close(theirs);

    /* A namespace kept by a mount of its file. */
    MUST(close(MUST(open("/srv/uts", O_CREAT | O_WRONLY, 0600))));
    child = fork();
    if (!child) {
        MUST(unshare(CLONE_NEWUTS));
        MUST(sethostname("kept", 4));
        MUST(mount("/proc/self/ns/uts", "/srv/uts", NULL, MS_BIND, NULL));
        exit(0);
    }
    reap(child);
    int kept = MUST(open("/srv/uts", O_RDONLY));
    SHOW(setns(kept, CLONE_NEWUTS));
    name();
    close(kept);
    SHOW(umount("/srv/uts"));
    SHOW(mount("/proc/self/ns/mnt", "/srv/uts", NULL, MS_BIND, NULL));

    /* Errors. */
    SHOW(setns(99, 0));
    SHOW(setns(0, 0));
    SHOW(setns(open_ns("user"), 0));
    SHOW(setns(open_ns("net"), CLONE_NEWNET));
    SHOW(setns(open_ns("pid"), 0));
    SHOW(setns(old_cgroup, CLONE_NEWCGROUP));
    SHOW(unshare(CLONE_NEWUTS | 1));
    SHOW(syscall(SYS_clone, CLONE_NEWNS | CLONE_FS | SIGCHLD, 0, 0, 0, 0));
    SHOW(syscall(SYS_clone, CLONE_NEWIPC | CLONE_SYSVSEM | SIGCHLD, 0, 0, 0, 0));
    child = MUST(syscall(SYS_clone, CLONE_NEWUTS | CLONE_NEWNS | CLONE_NEWIPC | SIGCHLD, 0, 0, 0, 0));
    if (!child) {
        MUST(sethostname("cloned", 6));
        MUST(umount2("/srv", MNT_DETACH));
        exit(0);
    }
    reap(child);
    name();
    SHOW(access("/srv/d", F_OK));
    SHOW(setns(old_mnt, 0));
    SHOW(access("/srv/d", F_OK));
    SHOW(setns(old_uts, CLONE_NEWUTS));
    VAL(strcmp(before, link_of("uts")));
    return 0;
}

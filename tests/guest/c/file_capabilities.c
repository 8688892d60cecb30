// File capabilities: what execve makes of security.capability, who may set it, and what takes it away (security/commoncap.c).
// In a user namespace of its own, so that root's capabilities are whole everywhere.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static void copy_self(const char *to) {
    char data[1 << 16];
    unlink(to);
    int in = open("/proc/self/exe", O_RDONLY), out = open(to, O_WRONLY | O_CREAT, 0755);
    ssize_t n;
    while ((n = read(in, data, sizeof data)) > 0)
        if (write(out, data, n) != n)
            puts("write");
    fchmod(out, 0755);
    close(in), close(out);
}

static int give(const char *file, unsigned magic, unsigned long permitted, unsigned long inheritable, int size, unsigned root) {
    unsigned v[6] = {magic, permitted, inheritable, permitted >> 32, inheritable >> 32, root};
    return setxattr(file, "security.capability", v, size, 0);
}

static const char *show(const char *file) {
    static char text[64];
    unsigned char v[32];
    ssize_t n = getxattr(file, "security.capability", v, sizeof v);
    if (n < 0)
        return strerror(errno);
    for (int i = 0; i < n; i++)
        sprintf(text + 2 * i, "%02x", v[i]);
    return text;
}

static void report(const char *what) {
    char line[128];
    FILE *f = fopen("/proc/self/status", "r");
    printf("%s: uid %d/%d secure %lu dumpable %d", what, getuid(), geteuid(), getauxval(AT_SECURE), prctl(PR_GET_DUMPABLE));
    while (fgets(line, sizeof line, f))
        if (!strncmp(line, "Cap", 3) && strncmp(line, "CapBnd", 6))
            printf(" %.3s %lx", line + 3, strtoul(line + 8, NULL, 16));
    puts("");
    fclose(f);
}

#define B(c) (1UL << (c))
#define THEN(what, call, file) (printf(what ": %d", (int)(call)), printf(" %s\n", show(file)))
enum { NOTHING, NNP, AMBIENT, KEEP, DROP, NOROOT };

static void try(const char *what, const char *file, int uid, int how) {
    if (fork() == 0) {
        if (how == DROP)
            prctl(PR_CAPBSET_DROP, CAP_KILL);
        if (how == NOROOT)
            prctl(PR_SET_SECUREBITS, SECBIT_NOROOT);
        if (how == AMBIENT || how == KEEP)
            prctl(PR_SET_KEEPCAPS, 1);
        if (uid && (setresgid(uid, uid, uid) || setresuid(uid, uid, uid)))
            puts("ids");
        if (how == AMBIENT || how == KEEP) {
            struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
            struct __user_cap_data_struct d[2] = {{B(CAP_FOWNER), B(CAP_FOWNER), B(CAP_FOWNER)}, {0}};
            syscall(SYS_capset, &h, d);
            if (how == AMBIENT)
                prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_FOWNER, 0, 0);
        }
        if (how == NNP)
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        execl(file, file, what, NULL);
        printf("%s: exec: %s\n", what, strerror(errno));
        exit(1);
    }
    wait(NULL);
}

static void map(const char *file, const char *text) {
    int fd = open(file, O_WRONLY);
    if (write(fd, text, strlen(text)) < 0)
        printf("%s: %s\n", file, strerror(errno));
    close(fd);
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IONBF, 0);
    if (argc > 1) {
        report(argv[1]);
        return 0;
    }
    pid_t parent = getpid();
    int go[2], done[2];
    char c = 0;
    if (pipe(go) || pipe(done))
        return 1;
    pid_t helper = fork();
    if (helper == 0) {
        char path[64];
        if (read(go[0], &c, 1) != 1)
            _exit(1);
        snprintf(path, sizeof path, "/proc/%d/uid_map", parent);
        map(path, "0 0 100\n1000 5000 100\n");
        snprintf(path, sizeof path, "/proc/%d/gid_map", parent);
        map(path, "0 0 100\n1000 5000 100\n");
        _exit(write(done[1], &c, 1) != 1);
    }
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
        return puts("unshare"), 1;
    if (write(go[1], &c, 1) != 1 || read(done[0], &c, 1) != 1)
        return 1;
    waitpid(helper, NULL, 0);
    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
    if (mount("none", "/mnt", "tmpfs", 0, "mode=755") || chdir("/mnt"))
        return puts("mount"), 1;
    const char *p = "./p";
    copy_self(p);
    THEN("set", give(p, 0x02000001, B(CAP_KILL), 0, 20, 0), p);
    try("user", p, 1000, NOTHING);
    try("root", p, 0, NOTHING);
    try("nnp", p, 1000, NNP);
    try("ambient", p, 1000, AMBIENT);
    try("dropped", p, 1000, DROP);
    try("dropped root", p, 0, DROP);
    try("noroot", p, 0, NOROOT);
    give(p, 0x02000000, B(CAP_KILL), 0, 20, 0);
    try("permitted only", p, 1000, NOTHING);
    try("dropped", p, 1000, DROP);
    give(p, 0x02000001, 0, B(CAP_FOWNER) | B(CAP_CHOWN), 20, 0);
    try("inheritable", p, 1000, KEEP);
    try("inheritable, ambient", p, 1000, AMBIENT);
    give(p, 0x02000001, 0, 0, 20, 0);
    try("empty", p, 1000, NOTHING);
    chmod(p, 04755);
    give(p, 0x02000001, B(CAP_KILL), 0, 20, 0);
    try("setuid and caps", p, 1000, NOTHING);
    chmod(p, 0755);
    give(p, 0x02000001, B(50), 0, 20, 0);
    try("unknown", p, 1000, NOTHING);
    mount("none", "/mnt", NULL, MS_REMOUNT | MS_BIND | MS_NOSUID, NULL);
    give(p, 0x02000001, B(CAP_KILL), 0, 20, 0);
    try("nosuid", p, 1000, NOTHING);
    mount("none", "/mnt", NULL, MS_REMOUNT | MS_BIND, NULL);
    int script = open("s", O_WRONLY | O_CREAT, 0755);
    if (write(script, "#!/mnt/p script\n", 16) != 16)
        puts("write");
    close(script);
    try("script", "./s", 1000, NOTHING);

    // who may set what
    THEN("v3", give(p, 0x03000001, 1, 0, 24, 0), p);
    THEN("v3 of 1000", give(p, 0x03000001, 1, 0, 24, 1000), p);
    try("of another root", p, 1000, NOTHING);
    printf("v3 of 9999: %d", give(p, 0x03000001, 1, 0, 24, 9999));
    printf(" %s\n", strerror(errno));
    int sizes[] = {8, 12, 19, 21, 24};
    for (int i = 0; i < 5; i++) {
        printf("v2 of %d: %d", sizes[i], give(p, 0x02000000, 1, 0, sizes[i], 0));
        printf(" %s\n", strerror(errno));
    }
    printf("v1: %d", give(p, 0x01000000, 1, 0, 12, 0));
    printf(" %s\n", strerror(errno));
    if (fork() == 0) {
        if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))
            puts("ids");
        printf("user sets: %d", give(p, 0x02000000, 1, 0, 20, 0));
        printf(" %s\n", strerror(errno));
        printf("removes: %d", removexattr(p, "security.capability"));
        printf(" %s\n", strerror(errno));
        exit(0);
    }
    wait(NULL);

    // what takes it away
    give(p, 0x02000001, B(CAP_KILL), 0, 20, 0);
    chmod(p, 0700);
    printf("chmod: %s\n", show(p));
    rename("p", "q");
    printf("rename: %s\n", show("q"));
    THEN("chown", chown("q", 0, 0), "q");
    give("q", 0x02000001, B(CAP_KILL), 0, 20, 0);
    int fd = open("q", O_RDWR);
    printf("open: %s\n", show("q"));
    THEN("write", pwrite(fd, "", 1, 100), "q");
    give("q", 0x02000001, B(CAP_KILL), 0, 20, 0);
    THEN("truncate", ftruncate(fd, 50), "q");
    give("q", 0x02000001, B(CAP_KILL), 0, 20, 0);
    close(open("q", O_WRONLY | O_TRUNC));
    printf("O_TRUNC: %s\n", show("q"));
    give("q", 0x02000001, B(CAP_KILL), 0, 20, 0);
    THEN("fallocate", fallocate(fd, 0, 0, 4096), "q");
    mkdir("d", 0755);
    THEN("dir", give("d", 0x02000001, 1, 0, 20, 0), "d");
    THEN("chown", chown("d", 0, 0), "d");
    return 0;
}

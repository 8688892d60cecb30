/* What a process in a container sees of itself and of its surroundings, one line for each thing: `probe WORD…`, where a word
   names a group of lines (ids, caps, limits, process, env, fds, mounts, dev, tty, namespaces, cgroup) or is `path=FILE`,
   `read=FILE`, `list=DIR`, `exit=N`. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <termios.h>
#include <unistd.h>

extern char **environ;

static const char *why(int result) { return result < 0 ? strerrorname_np(errno) : "ok"; }

/* Lines of a small file that begin with one of `heads`, NULL: every line. */
static void lines_of(const char *path, const char *const *heads)
{
    char line[4096];
    FILE *file = fopen(path, "r");
    if (!file) {
        printf("%s: %s\n", path, strerrorname_np(errno));
        return;
    }
    while (fgets(line, sizeof line, file)) {
        int wanted = heads == NULL;
        for (int n = 0; heads && heads[n]; n++)
            wanted |= !strncmp(line, heads[n], strlen(heads[n]));
        if (wanted)
            printf("%s: %s", path, line);
        if (wanted && !strchr(line, '\n'))
            printf("\n");
    }
    fclose(file);
}

static void ids(void)
{
    uid_t r, e, s;
    gid_t groups[256];
    getresuid(&r, &e, &s);
    printf("uid: %u %u %u\n", r, e, s);
    getresgid(&r, &e, &s);
    printf("gid: %u %u %u\n", r, e, s);
    int count = getgroups(256, groups);
    printf("groups:");
    for (int n = 0; n < count; n++)
        printf(" %u", groups[n]);
    mode_t mask = umask(0);
    umask(mask);
    printf("\numask: %03o\n", mask);
}

static void caps(void)
{
    static const char *const heads[] = {"Cap", "NoNewPrivs", "Seccomp:", NULL};
    lines_of("/proc/self/status", heads);
    printf("securebits: %d keepcaps: %d\n", prctl(PR_GET_SECUREBITS), prctl(PR_GET_KEEPCAPS));
}

static void limits(void)
{
    for (int n = 0; n < 16; n++) {
        struct rlimit64 limit;
        getrlimit64(n, &limit);
        printf("limit %d: %llu %llu\n", n, (unsigned long long)limit.rlim_cur, (unsigned long long)limit.rlim_max);
    }
}

static void process(void)
{
    static const char *const heads[] = {"SigBlk", "SigIgn", "SigCgt", "SigPnd", "ShdPnd", "Threads", "Name", "CoreDumping",
                                        "TracerPid", "NSpid", "NSsid", "NSpgid", NULL};
    char text[4096];
    struct utsname names;
    lines_of("/proc/self/status", heads);
    printf("pid %d ppid %d pgrp %d sid %d\n", getpid(), getppid(), getpgrp(), getsid(0));
    printf("cwd: %s\n", getcwd(text, sizeof text) ? text : strerrorname_np(errno));
    ssize_t size = readlink("/proc/self/root", text, sizeof text - 1);
    printf("root: %.*s\n", (int)(size < 0 ? 0 : size), text);
    size = readlink("/proc/self/exe", text, sizeof text - 1);
    printf("exe: %.*s\n", (int)(size < 0 ? 0 : size), text);
    uname(&names);
    printf("host: %s domain: %s machine: %s\n", names.nodename, names.domainname, names.machine);
    lines_of("/proc/self/comm", NULL);
    lines_of("/proc/self/oom_score_adj", NULL);
    lines_of("/proc/self/coredump_filter", NULL);
    printf("personality: %x\n", personality(0xffffffff));
    printf("nice: %d policy: %d ioprio: %ld\n", getpriority(PRIO_PROCESS, 0), sched_getscheduler(0),
           syscall(SYS_ioprio_get, 1, 0));
    int death = 0, reaper = 0;
    prctl(PR_GET_PDEATHSIG, &death);
    prctl(PR_GET_CHILD_SUBREAPER, &reaper);
    printf("dumpable: %d death signal: %d subreaper: %d thp: %d slack: %d\n", prctl(PR_GET_DUMPABLE), death, reaper,
           prctl(PR_GET_THP_DISABLE), prctl(PR_GET_TIMERSLACK));
}

static const char *kind(mode_t mode)
{
    return S_ISREG(mode) ? "file" : S_ISDIR(mode) ? "dir" : S_ISCHR(mode) ? "char" : S_ISBLK(mode) ? "block" :
           S_ISFIFO(mode) ? "fifo" : S_ISLNK(mode) ? "link" : S_ISSOCK(mode) ? "socket" : "none";
}

static void fds(void)
{
    for (int fd = 0; fd < 1024; fd++) {
        struct stat st;
        if (fstat(fd, &st) < 0)
            continue;
        printf("fd %d: %s flags %o cloexec %d\n", fd, kind(st.st_mode), fcntl(fd, F_GETFL) & ~0100000, fcntl(fd, F_GETFD));
    }
}

static void path(const char *name)
{
    struct stat st;
    char text[4096];
    if (lstat(name, &st) < 0) {
        printf("path %s: %s\n", name, strerrorname_np(errno));
        return;
    }
    printf("path %s: %s %04o %u:%u", name, kind(st.st_mode), st.st_mode & 07777, st.st_uid, st.st_gid);
    if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
        printf(" %u:%u", major(st.st_rdev), minor(st.st_rdev));
    if (S_ISLNK(st.st_mode)) {
        ssize_t size = readlink(name, text, sizeof text - 1);
        printf(" -> %.*s\n", (int)(size < 0 ? 0 : size), text);
        return;
    }
    if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
        printf("\n");
        return;
    }
    int fd = open(name, O_RDONLY | O_NONBLOCK);
    printf(" read %s", why(fd));
    if (fd >= 0)
        close(fd);
    if (S_ISDIR(st.st_mode)) {
        snprintf(text, sizeof text, "%s/.new", name);
        fd = open(text, O_WRONLY | O_CREAT | O_EXCL, 0600);
        printf(" create %s", why(fd));
        if (fd >= 0)
            unlink(text);
    } else {
        fd = open(name, O_WRONLY);
        printf(" write %s", why(fd));
    }
    if (fd >= 0)
        close(fd);
    printf(" exec %s\n", why(access(name, X_OK)));
}

static void list(const char *name)
{
    struct dirent **found;
    int count = scandir(name, &found, NULL, alphasort);
    if (count < 0) {
        printf("list %s: %s\n", name, strerrorname_np(errno));
        return;
    }
    for (int n = 0; n < count; n++) {
        char text[4096];
        if (!strcmp(found[n]->d_name, ".") || !strcmp(found[n]->d_name, ".."))
            continue;
        snprintf(text, sizeof text, "%s/%s", strcmp(name, "/") ? name : "", found[n]->d_name);
        path(text);
    }
}

static void tty(void)
{
    for (int fd = 0; fd < 3; fd++) {
        struct winsize size = {0};
        struct termios t;
        struct stat st;
        if (tcgetattr(fd, &t) < 0) {
            printf("tty %d: %s\n", fd, strerrorname_np(errno));
            continue;
        }
        ioctl(fd, TIOCGWINSZ, &size);
        for (int i = 0; i < 100 && !size.ws_row; i++) { /* runc sets it while the program runs already */
            poll(NULL, 0, 10);
            ioctl(fd, TIOCGWINSZ, &size);
        }
        fstat(fd, &st);
        printf("tty %d: %s %u:%u %dx%d i%o o%o c%o l%o pgrp %d owner %u:%u mode %o\n", fd, ttyname(fd), major(st.st_rdev),
               minor(st.st_rdev), size.ws_row, size.ws_col, t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag, tcgetpgrp(fd),
               st.st_uid, st.st_gid, st.st_mode & 07777);
    }
    int fd = open("/dev/tty", O_RDWR);
    printf("own tty: %s\n", why(fd));
    if (fd >= 0)
        close(fd);
}

static void namespaces(void)
{
    struct dirent **found;
    int count = scandir("/proc/self/ns", &found, NULL, alphasort);
    for (int n = 0; n < count; n++)
        if (found[n]->d_name[0] != '.')
            printf("namespace %s\n", found[n]->d_name);
    lines_of("/proc/self/uid_map", NULL);
    lines_of("/proc/self/gid_map", NULL);
    lines_of("/proc/self/setgroups", NULL);
}

static void env(int argc, char **argv)
{
    for (int n = 0; n < argc; n++)
        printf("arg %d: %s\n", n, argv[n]);
    for (int n = 0; environ[n]; n++)
        printf("env %d: %s\n", n, environ[n]);
}

int main(int argc, char **argv)
{
    int status = 0;
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    for (int n = 1; n < argc; n++) {
        const char *word = argv[n];
        if (!strcmp(word, "ids")) ids();
        else if (!strcmp(word, "caps")) caps();
        else if (!strcmp(word, "limits")) limits();
        else if (!strcmp(word, "process")) process();
        else if (!strcmp(word, "env")) env(argc, argv);
        else if (!strcmp(word, "fds")) fds();
        else if (!strcmp(word, "mounts")) lines_of("/proc/self/mountinfo", NULL);
        else if (!strcmp(word, "dev")) list("/dev");
        else if (!strcmp(word, "tty")) tty();
        else if (!strcmp(word, "namespaces")) namespaces();
        else if (!strcmp(word, "cgroup")) lines_of("/proc/self/cgroup", NULL);
        else if (!strncmp(word, "path=", 5)) path(word + 5);
        else if (!strncmp(word, "read=", 5)) lines_of(word + 5, NULL);
        else if (!strncmp(word, "list=", 5)) list(word + 5);
        else if (!strncmp(word, "exit=", 5)) status = atoi(word + 5);
        else if (!strcmp(word, "err")) fprintf(stderr, "to stderr\n");
        else printf("unknown word %s\n", word);
    }
    fflush(stdout);
    return status;
}

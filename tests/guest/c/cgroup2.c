// admin
/* Control groups of the second version, without controllers: files, their values and errors, moving, freezing, killing. */
#define _GNU_SOURCE
#include "cgroup_files.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char top[64];
static void check(const char *what, long result) {
    if (result < 0) printf("%s: %s\n", what, strerrorname_np(errno));
    else printf("%s: ok\n", what);
}
static const char *get(const char *file) {
    static char text[4096];
    int fd = open(file, O_RDONLY);
    if (fd < 0) return strerrorname_np(errno);
    int n = read(fd, text, sizeof text - 1);
    snprintf(text + (n < 0 ? 0 : n), 32, "%s", n < 0 ? strerrorname_np(errno) : "");
    close(fd);
    return text;
}
static void try(const char *file, const char *text) {
    char what[128];
    snprintf(what, sizeof what, "%s <- '%s'", file, text);
    check(what, put(file, text));
}
static void handler(int signo) { _exit(3); }
static pid_t sleeper(void) {
    signal(SIGUSR1, handler);
    pid_t pid = fork();
    if (!pid) for (;;) pause();
    return pid;
}
static void move(const char *group, pid_t pid) {
    char file[64], text[16];
    snprintf(file, sizeof file, "%s/cgroup.procs", group);
    snprintf(text, sizeof text, "%d", pid);
    check("move", put(file, text));
}
static void attributes(void) {
    const char *files[] = {"cgroup.controllers", "cgroup.events", "cgroup.freeze", "cgroup.kill", "cgroup.max.depth",
        "cgroup.max.descendants", "cgroup.procs", "cgroup.stat", "cgroup.subtree_control", "cgroup.threads", "cgroup.type",
        "cpu.stat"};
    struct stat st;
    struct statfs fs;
    statfs(".", &fs);
    printf("magic %lx\n", (long)fs.f_type);
    mkdir("a", 0750);
    stat("a", &st);
    printf("a: %o %ld links, size %ld\n", st.st_mode, (long)st.st_nlink, (long)st.st_size);
    for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
        char file[64];
        snprintf(file, sizeof file, "a/%s", files[i]);
        stat(file, &st);
        printf("%s: %o\n", files[i], st.st_mode);
    }
    printf("%s%s%s%s%s%s", get("a/cgroup.type"), get("a/cgroup.max.depth"), get("a/cgroup.events"), get("a/cgroup.freeze"),
        get("a/cgroup.max.descendants"), get("a/cgroup.procs"));
    printf("controllers at the end: '%s'\n", get("a/cgroup.controllers"));
    try("a/cgroup.events", "1");
    printf("read cgroup.kill: %s\n", get("a/cgroup.kill"));
    check("create", open("a/file", O_CREAT | O_WRONLY, 0600));
    check("mknod", mknod("a/fifo", S_IFIFO | 0600, 0));
    check("symlink", symlink("x", "a/link"));
    check("unlink", unlink("a/cgroup.procs"));
    check("rename", rename("a", "b"));
    check("mkdir with a line break", mkdir("a\nb", 0755));
    check("mkdir over a file", mkdir("a/cgroup.procs", 0755));
    check("chmod", chmod("a/cgroup.procs", 0664));
    check("chown", chown("a/cgroup.procs", 7, 7));
    stat("a/cgroup.procs", &st);
    printf("%o %d %d\n", st.st_mode, st.st_uid, st.st_gid);
}
static void values(void) {
    const char *numbers[] = {"0", "1", "2", "-1", "max", "0x1", "1 \n", "", " ", "x", "99999999999"};
    const char *files[] = {"a/cgroup.freeze", "a/cgroup.max.depth", "a/cgroup.max.descendants", "a/cgroup.kill"};
    for (int f = 0; f < 4; f++)
        for (int n = 0; n < 11; n++) try(files[f], numbers[n]);
    try("a/cgroup.freeze", "0");
    const char *types[] = {"domain", "x"};
    for (int i = 0; i < 2; i++) try("a/cgroup.type", types[i]);
    const char *controls[] = {"+none", "memory", "+", "", " ", "-none"};
    for (int i = 0; i < 6; i++) try("a/cgroup.subtree_control", controls[i]);
    const char *pids[] = {"999999999", "-1", "x", "1 2"};
    for (int i = 0; i < 4; i++) try("a/cgroup.procs", pids[i]), try("a/cgroup.threads", pids[i]);
    try("a/cgroup.max.depth", "0");
    check("too deep", mkdir("a/b", 0755));
    try("a/cgroup.max.depth", "max");
    try("a/cgroup.max.descendants", "1");
    check("first", mkdir("a/b", 0755));
    check("second", mkdir("a/c", 0755));
    printf("%s", get("a/cgroup.max.descendants"));
    char *long_text = malloc(5001);
    memset(long_text, ' ', 5000);
    long_text[5000] = 0;
    check("too long", put("a/cgroup.freeze", long_text));
    check("rmdir with a child", rmdir("a"));
    int fd = open("a/b/cgroup.events", O_RDONLY), dir = open("a/b", O_RDONLY | O_DIRECTORY);
    check("rmdir", rmdir("a/b"));
    char c;
    check("read in one that is gone", read(fd, &c, 1));
    check("mkdir in one that is gone", mkdirat(dir, "x", 0755));
    check("openat in one that is gone", openat(dir, "cgroup.procs", O_RDONLY));
    struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = dir};
    long pid = syscall(SYS_clone3, &args, sizeof args);
    if (!pid) _exit(0);
    check("clone3 into one that is gone", pid);
    close(fd), close(dir);
}
static void freeze(int events) {
    char text[64];
    struct pollfd change = {events, POLLPRI, 0};
    put("m/cgroup.freeze", "1");
    for (int i = 0; i < 50 && !strstr(get("m/cgroup.events"), "frozen 1"); i++) {
        poll(&change, 1, 100);
        pread(events, text, 64, 0);
    }
}
static void members(void) {
    pid_t pid = sleeper();
    mkdir("m", 0755);
    printf("populated: %s", get("m/cgroup.events"));
    int events = open("m/cgroup.events", O_RDONLY), watch = inotify_init1(IN_NONBLOCK);
    check("watch", inotify_add_watch(watch, "m/cgroup.events", IN_MODIFY));
    char text[64];
    struct pollfd poll_fd = {events, POLLPRI, 0};
    printf("unread: %d\n", poll(&poll_fd, 1, 0));
    read(events, text, sizeof text);
    printf("before: %d\n", poll(&poll_fd, 1, 0));
    move("m", pid);
    int ready = poll(&poll_fd, 1, 5000);
    printf("after: %d %x\n", ready, poll_fd.revents);
    struct pollfd told = {watch, POLLIN, 0};
    poll(&told, 1, 5000);
    printf("inotify: %d\n", read(watch, text, sizeof text) > 0);
    printf("populated: %s", get("m/cgroup.events"));
    sprintf(text, "%d\n", pid);
    printf("its: %d %d\n", !strcmp(get("m/cgroup.procs"), text), !strcmp(get("m/cgroup.threads"), text));
    char path[64];
    sprintf(path, "/proc/%d/cgroup", pid);
    printf("%s", strstr(get(path), "0::"));
    check("rmdir with a process", rmdir("m"));
    freeze(events);
    printf("frozen: %s", get("m/cgroup.events"));
    kill(pid, SIGUSR1);
    int status;
    printf("still there: %d\n", waitpid(pid, &status, WNOHANG));
    put("m/cgroup.freeze", "0");
    waitpid(pid, &status, 0);
    printf("ended with %d\n", WEXITSTATUS(status));
    pid = sleeper();
    move("m", pid);
    freeze(events);
    kill(pid, SIGTERM);
    waitpid(pid, &status, 0);
    printf("ended by %d\n", WTERMSIG(status));
    put("m/cgroup.freeze", "0");
    printf("populated: %s", get("m/cgroup.events"));
    int dir = open("m", O_PATH | O_DIRECTORY);
    struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = dir};
    pid = syscall(SYS_clone3, &args, sizeof args);
    if (!pid) for (;;) pause();
    printf("made there: %d\n", atoi(get("m/cgroup.procs")) == pid);
    pid_t other = sleeper();
    move("m", other);
    put("m/cgroup.freeze", "1");
    try("m/cgroup.kill", "1");
    waitpid(pid, &status, 0);
    printf("killed by %d", WTERMSIG(status));
    waitpid(other, &status, 0);
    printf(" %d\n", WTERMSIG(status));
    check("rmdir", rmdir("m"));
    args.cgroup = 0;
    args.cgroup = open("/", O_PATH);
    pid = syscall(SYS_clone3, &args, sizeof args);
    if (!pid) _exit(0);
    check("clone3 into no group", pid);
}
static void inside(void) {
    attributes();
    values();
    members();
    rmdir("a");
    /* A namespace whose root is below: what is above is shown as such, and cannot be reached. */
    mkdir("ns", 0755);
    put("ns/cgroup.procs", "0");
    check("unshare", unshare(CLONE_NEWCGROUP));
    printf("%s", strstr(get("/proc/self/cgroup"), "0::"));
    pid_t pid = sleeper();
    mkdir("side", 0755);
    char path[64];
    sprintf(path, "/proc/%d/cgroup", getppid());
    printf("%s", strstr(get(path), "0::"));
    kill(pid, SIGKILL);
    waitpid(pid, 0, 0);
    rmdir("side");
    put("cgroup.procs", "0");
    fflush(stdout);
}
int main(void) {
    setbuf(stdout, 0);
    char place[] = "/tmp/cgroup-XXXXXX";
    if (unshare(CLONE_NEWNS) || mount(0, "/", 0, MS_REC | MS_PRIVATE, 0)) return 1;
    mkdtemp(place);
    check("mount", mount("none", place, "cgroup2", 0, 0));
    chdir(place);
    snprintf(top, sizeof top, "test-%d", getpid());
    mkdir(top, 0755);
    if (!fork()) {
        chdir(top);
        put("cgroup.procs", "0");
        unshare(CLONE_NEWCGROUP);
        inside();
        _exit(0);
    }
    wait(0);
    char path[128];
    snprintf(path, sizeof path, "%s/ns", top);
    rmdir(path);
    check("gone", rmdir(top));
    chdir("/");
    umount2(place, MNT_DETACH);
    check("rmdir", rmdir(place));
    check("an option that is none", mount("none", "/mnt", "cgroup2", 0, "nothing"));
    return 0;
}

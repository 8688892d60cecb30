// admin
/* Threaded control groups: kinds, errors, where threads and processes may be, freezing one thread, ends, clone3 into one. */
#define _GNU_SOURCE
#include "cgroup_files.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *get(const char *file) {
    static char text[4096];
    int fd = open(file, O_RDONLY);
    if (fd < 0) return strerrorname_np(errno);
    int n = read(fd, text, sizeof text - 1), error = errno;
    close(fd);
    if (n < 0) return strerrorname_np(error);
    text[n] = 0;
    for (int i = 0; i < n; i++)
        if (text[i] == '\n') text[i] = i + 1 < n ? ',' : 0;
    return text;
}
static void try(const char *file, const char *text) {
    printf("%s <- '%s': %s\n", file, text, put(file, text) < 0 ? strerrorname_np(errno) : "ok");
}
static void move(const char *file, pid_t id) {
    char text[16];
    snprintf(text, sizeof text, "%d", id);
    printf("move to %s: %s\n", file, put(file, text) < 0 ? strerrorname_np(errno) : "ok");
}
static void type(const char *group) {
    char file[64];
    snprintf(file, sizeof file, "%s/cgroup.type", group);
    printf("%s is %s\n", group, get(file));
}
static void populated(const char *group) {
    char file[64];
    snprintf(file, sizeof file, "%s/cgroup.events", group);
    printf("%s: %s\n", group, get(file));
}
/* What is in a file of numbers, by name. */
static pid_t ids[3];
static void who(const char *file) {
    char text[4096], *at = text, *word;
    snprintf(text, sizeof text, "%s", get(file));
    if (*text == 'E') { printf("%s: %s\n", file, text); return; }
    int seen[3] = {0}, others = 0;
    while ((word = strsep(&at, ",")))
        if (*word) {
            int known = 0;
            for (int i = 0; i < 3; i++) if (ids[i] == atoi(word)) seen[i] = known = 1;
            others += !known;
        }
    printf("%s: %s%s%s%d others\n", file, seen[0] ? "process " : "", seen[1] ? "thread " : "", seen[2] ? "child " : "", others);
}
static void place(pid_t pid, pid_t tid) {
    char file[64];
    snprintf(file, sizeof file, "/proc/%d/task/%d/cgroup", pid, tid);
    const char *text = strstr(get(file), "0::");
    printf("in %s\n", text && strrchr(text, '/') ? strrchr(text, '/') : "none");
}

static volatile int counter, go;
static int tid_pipe[2];
static void *counts(void *unused) {
    pid_t tid = gettid();
    write(tid_pipe[1], &tid, sizeof tid);
    while (go) counter++, usleep(100);
    return 0;
}
/* Does it go on? Bounded: a second. */
static int moves(void) {
    int before = counter;
    for (int i = 0; i < 1000; i++) {
        if (counter != before) return 1;
        usleep(1000);
    }
    return 0;
}
static int frozen(const char *group, char wanted) {
    char file[64], text[8];
    snprintf(file, sizeof file, "%s/cgroup.events", group);
    snprintf(text, sizeof text, "frozen %c", wanted);
    for (int i = 0; i < 3000; i++) {
        if (strstr(get(file), text)) return 1;
        usleep(1000);
    }
    return 0;
}

static void kinds(void) {
    mkdir("r", 0755), mkdir("r/a", 0755), mkdir("r/b", 0755), mkdir("r/a/c", 0755);
    type("r"), type("r/a");
    try("r/a/cgroup.type", "domain"), try("r/a/cgroup.type", "thread"), try("r/a/cgroup.type", "");
    try("r/a/cgroup.type", "threaded\n");
    type("r"), type("r/a"), type("r/b"), type("r/a/c");
    try("r/a/cgroup.type", "threaded");
    try("r/a/cgroup.type", "domain");
    move("r/b/cgroup.procs", getpid());
    move("r/a/c/cgroup.procs", getpid());
    try("r/a/c/cgroup.type", "threaded");
    type("r/a/c");
    who("r/cgroup.procs"), who("r/a/cgroup.procs"), who("r/a/cgroup.threads"), who("r/b/cgroup.procs");
    try("r/a/cgroup.kill", "1"), try("r/a/cgroup.kill", "0");
    try("r/b/cgroup.subtree_control", "+none");
    rmdir("r/a/c"), rmdir("r/a");
    type("r"), type("r/b");
    /* Where somebody is, nothing becomes threaded; below it, it does. */
    pid_t pid = fork();
    if (!pid) for (;;) pause();
    move("r/b/cgroup.procs", pid);
    try("r/b/cgroup.type", "threaded");
    mkdir("r/d", 0755);
    try("r/d/cgroup.type", "threaded");
    mkdir("r/b/e", 0755);
    try("r/b/e/cgroup.type", "threaded");
    type("r/b"), type("r/b/e");
    kill(pid, SIGKILL), waitpid(pid, 0, 0);
    rmdir("r/b/e"), rmdir("r/b"), rmdir("r/d");
}
static void threads(void) {
    pthread_t thread;
    pipe(tid_pipe);
    mkdir("r/a", 0755), mkdir("r/b", 0755), mkdir("o", 0755);
    try("r/a/cgroup.type", "threaded"), try("r/b/cgroup.type", "threaded");
    ids[0] = fork();
    if (ids[0]) {
        int status;
        waitpid(ids[0], &status, 0);
        printf("ended with %d\n", WEXITSTATUS(status));
        return;
    }
    ids[0] = getpid(), go = 1;
    pthread_create(&thread, 0, counts, 0);
    read(tid_pipe[0], &ids[1], sizeof ids[1]);
    move("r/a/cgroup.threads", ids[1]);
    move("r/cgroup.procs", ids[0]);
    populated("r"), populated("r/a");
    move("r/a/cgroup.threads", ids[1]);
    who("r/cgroup.procs"), who("r/cgroup.threads"), who("r/a/cgroup.threads"), who("r/a/cgroup.procs");
    populated("r"), populated("r/a"), populated("r/b");
    place(ids[0], ids[0]), place(ids[0], ids[1]);
    move("o/cgroup.threads", ids[1]);
    try("r/a/cgroup.procs", "0");
    who("r/cgroup.procs"), who("r/cgroup.threads"), who("r/a/cgroup.threads");
    move("r/cgroup.threads", ids[0]);
    place(ids[0], ids[0]);
    printf("rmdir: %s\n", rmdir("r/a") ? strerrorname_np(errno) : "ok");
    try("r/a/cgroup.freeze", "1");
    printf("frozen: %d\n", frozen("r/a", '1'));
    printf("it goes on: %d\n", moves());
    populated("r");
    try("r/a/cgroup.freeze", "0");
    printf("it goes on: %d\n", moves());
    /* Moving to a frozen group, and back. */
    try("r/b/cgroup.freeze", "1");
    move("r/b/cgroup.threads", ids[1]);
    printf("frozen: %d\n", frozen("r/b", '1'));
    move("r/a/cgroup.threads", ids[1]);
    printf("it goes on: %d\n", moves());
    try("r/b/cgroup.freeze", "0");
    /* A child is where the thread is that makes it; a thread too. */
    move("r/a/cgroup.threads", ids[0]);
    ids[2] = fork();
    if (!ids[2]) for (;;) pause();
    who("r/a/cgroup.threads"), who("r/cgroup.procs");
    place(ids[2], ids[2]);
    kill(ids[2], SIGKILL), waitpid(ids[2], 0, 0);
    struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = open("r/b", O_PATH)};
    ids[2] = syscall(SYS_clone3, &args, sizeof args);
    if (!ids[2]) for (;;) pause();
    who("r/b/cgroup.threads"), who("r/cgroup.procs");
    move("o/cgroup.procs", ids[2]);
    who("o/cgroup.procs"), who("r/b/cgroup.threads");
    move("r/b/cgroup.procs", ids[2]);
    place(ids[2], ids[2]);
    kill(ids[2], SIGKILL), waitpid(ids[2], 0, 0);
    populated("r/b");
    go = 0;
    pthread_join(thread, 0);
    for (int i = 0; i < 3000 && strchr(get("r/a/cgroup.threads"), ','); i++) usleep(1000);
    ids[1] = 0;
    who("r/a/cgroup.threads");
    /* The end of a process with a thread in a group takes both; killing is of whole domains. */
    go = 1;
    pthread_create(&thread, 0, counts, 0);
    read(tid_pipe[0], &ids[1], sizeof ids[1]);
    move("r/b/cgroup.threads", ids[1]);
    move("r/cgroup.threads", ids[0]);
    populated("r/a"), populated("r/b");
    fflush(stdout);
    _exit(5);
}
static void ends(void) {
    populated("r"), populated("r/a"), populated("r/b");
    pthread_t thread;
    pid_t pid = fork();
    if (!pid) {
        go = 1;
        pthread_create(&thread, 0, counts, 0);
        for (;;) pause();
    }
    pid_t tid;
    read(tid_pipe[0], &tid, sizeof tid);
    move("r/cgroup.procs", pid), move("r/b/cgroup.threads", tid);
    try("r/cgroup.kill", "1");
    int status;
    waitpid(pid, &status, 0);
    printf("killed by %d\n", WTERMSIG(status));
    populated("r"), populated("r/b");
    const char *groups[] = {"r/a", "r/b", "o", "r"};
    for (int i = 0; i < 4; i++) printf("rmdir %s: %d\n", groups[i], rmdir(groups[i]));
}
int main(void) {
    setbuf(stdout, 0);
    char place[] = "/tmp/cgroup-XXXXXX", top[64];
    if (unshare(CLONE_NEWNS) || mount(0, "/", 0, MS_REC | MS_PRIVATE, 0)) return 1;
    mkdtemp(place);
    if (mount("none", place, "cgroup2", 0, 0)) return 1;
    chdir(place);
    snprintf(top, sizeof top, "threads-%d", getpid());
    mkdir(top, 0755);
    chdir(top);
    kinds();
    threads();
    ends();
    chdir("/");
    char path[128];
    snprintf(path, sizeof path, "%s/%s", place, top);
    printf("gone: %d\n", rmdir(path));
    umount2(place, MNT_DETACH);
    rmdir(place);
    return 0;
}

/*
 * Random system calls, typed by calls.h (written by ../calls.py from the table of system calls).
 *
 *   syscalls SEED CALLS FIRST LAST
 *
 * The first process runs epochs FIRST to LAST, or fewer once CALLS calls are made. An epoch is a PID, mount, IPC and
 * UTS namespace with a root directory of its own: whatever happens there is gone when its first process ends, and
 * what is left in the sandbox after that is a leak. After every epoch it prints a line and waits for one.
 */
#include "syscalls.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 4, QUOTA = 600, STALL_MS = 150, EPOCH_MS = 6000, END_MS = 120000 };

static struct shared *shared;

static long now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void give_up(const char *what) {
    printf("failed: %s\n", what);
    fflush(stdout);
    _exit(3);
}

static void on_alarm(int signo) {}

/* Takes away what the epoch's kind does without: everything, capabilities, or nothing. */
static void drop(unsigned epoch) {
    if (epoch % 3 == 1) {
        setgid(1000);
        setuid(1000);
    } else if (epoch % 3 == 2 && epoch % 2 == 0) {
        setgid(1000);
        setuid(1000);
        unshare(CLONE_NEWUSER);
    }
}

static void work(unsigned long seed, unsigned epoch, unsigned worker, unsigned incarnation) {
    struct rlimit files = {256, 256}, size = {1 << 22, 1 << 22}, none = {0, 0}, memory = {1l << 36, 1l << 36};
    setrlimit(RLIMIT_NOFILE, &files);
    setrlimit(RLIMIT_FSIZE, &size);
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_AS, &memory);
    struct sigaction act = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &act, 0);
    struct itimerval tick = {{0, 10000}, {0, 10000}};
    setitimer(ITIMER_REAL, &tick, 0);
    drop(epoch);
    if (incarnation % 2) prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct state *s = begin(seed * 1000003 + epoch * 4099ul + worker * 257 + incarnation, &shared->worker[worker]);
    while (shared->worker[worker].calls < QUOTA) one_call(s);
    _exit(0);
}

static void lay_out(void) {
    static const char *shown[] = {"proc", "dev", "sys", "usr", "vol"};
    mkdir("/tmp/fuzz", 0777);
    if (mount("fuzz", "/tmp/fuzz", "tmpfs", 0, "size=16m,nr_inodes=2000,mode=777")) give_up("mount tmpfs");
    chdir("/tmp/fuzz");
    for (int i = 0; i < 5; i++) {
        char from[16];
        mkdir(shown[i], 0777);
        snprintf(from, sizeof from, "/%s", shown[i]);
        if (i == 0 ? mount("proc", "proc", "proc", 0, 0) : mount(from, shown[i], 0, MS_BIND | MS_REC, 0))
            give_up(from);
    }
    symlink("usr/bin", "bin");
    symlink("usr/lib", "lib");
    symlink("usr/lib64", "lib64");
    chroot(".");
    mkdir("/w", 0777);
    chmod("/w", 0777);
    chdir("/w");
    close_range(0, ~0u, 0);
    open("/dev/null", O_RDWR);
    dup(0);
    dup(0);
    for (int i = 0; i < 3; i++) {
        static const char *file[] = {"a", "b", "c"};
        int fd = open(file[i], O_RDWR | O_CREAT, 0666);
        ftruncate(fd, i * 5000);
        fchmod(fd, 0666);
        close(fd);
    }
    mkdir("d", 0777);
    chmod("d", 0777);
    symlink("a", "l");
}

/* The first process of an epoch: keeps WORKERS workers going until their quotas are used up or the time is. */
static void lead(unsigned long seed, unsigned epoch) {
    setsid();
    lay_out();
    int pid[WORKERS] = {0}, incarnation[WORKERS] = {0};
    long since[WORKERS], seen[WORKERS], end = now_ms() + EPOCH_MS;
    for (;;) {
        int busy = 0, status, ended;
        for (int w = 0; w < WORKERS; w++) {
            if (!pid[w] && shared->worker[w].calls < QUOTA && incarnation[w] < 60) {
                int child = fork();
                if (!child) work(seed, epoch, w, incarnation[w]);
                if (child > 0) pid[w] = child, incarnation[w]++, since[w] = now_ms(), seen[w] = -1;
            }
            busy |= pid[w];
        }
        if (!busy || now_ms() > end) _exit(0);
        while ((ended = waitpid(-1, &status, WNOHANG | __WALL)) > 0)
            for (int w = 0; w < WORKERS; w++)
                if (pid[w] == ended && !WIFSTOPPED(status)) pid[w] = 0;
        for (int w = 0; w < WORKERS; w++) {
            if (seen[w] != shared->worker[w].calls) seen[w] = shared->worker[w].calls, since[w] = now_ms();
            else if (pid[w] && now_ms() - since[w] > STALL_MS) kill(pid[w], SIGKILL), since[w] = now_ms();
        }
        poll(0, 0, 5);
    }
}

static long run_epoch(unsigned long seed, unsigned epoch) {
    memset(shared, 0, sizeof *shared);
    int flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | SIGCHLD;
    if (epoch % 2) flags |= CLONE_NEWNET;
    long leader = call(SYS_clone, flags, 0, 0, 0, 0, 0);
    if (leader < 0) give_up("clone");
    if (!leader) {
        lead(seed, epoch);
        _exit(0);
    }
    long end = now_ms() + EPOCH_MS + 2000;
    int status, killed = 0;
    while (waitpid(leader, &status, WNOHANG) == 0) {
        if (!killed && now_ms() > end) {
            kill(leader, SIGKILL);
            killed = 1;
        }
        if (now_ms() > end + END_MS) give_up("what was killed does not end");
        poll(0, 0, 5);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 3) give_up("epoch");
    long made = 0;
    for (int w = 0; w < WORKERS; w++) {
        long calls = shared->worker[w].calls;
        made += calls < 0 ? 0 : calls > QUOTA ? QUOTA : calls;
    }
    return made;
}

int main(int argc, char **argv) {
    unsigned long seed = strtoul(argv[1], 0, 0);
    long calls = atol(argv[2]), made = 0;
    char line[16];
    shared = mmap((void *)0x5eed0000000, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED,
                  -1, 0);
    mount(0, "/", 0, MS_REC | MS_PRIVATE, 0);
    for (unsigned epoch = atol(argv[3]); epoch <= (unsigned)atol(argv[4]) && made < calls; epoch++) {
        made += run_epoch(seed, epoch);
        printf("epoch %u calls %ld\n", epoch, made);
        fflush(stdout);
        if (!fgets(line, sizeof line, stdin)) return 1;
    }
    return 0;
}

/*
 * What an operation costs beside many things: growth FAMILY COUNT… prints `operation count microseconds` lines.
 * Families: processes, descriptors, entries (of a directory below the current one), mappings. Static.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECONDS 0.12
#define MOST 100000

static long held;          /* how many there are */
static int pids[MOST];     /* of processes */
static char *area;         /* of mappings */
static int epoll;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static long check(long result) {
    if (result < 0) {
        perror("growth");
        exit(1);
    }
    return result;
}

/* One of those that are held, another each time. */
static long some(void) {
    static unsigned long seed = 12345;
    seed = seed * 6364136223846793005UL + 1442695040888963407UL;
    return (seed >> 33) % held;
}

static void op_fork(void) {
    int pid = check(fork());
    if (!pid) _exit(0);
    check(waitpid(pid, 0, 0));
}
static void op_kill(void) { check(kill(pids[some()], 0)); }
static void op_wait(void) { check(waitpid(pids[some()], 0, WNOHANG)); }
static void op_open(void) { close(check(open("/dev/null", O_RDONLY))); }
static void op_dup(void) { close(check(dup(0))); }
static void op_epoll(void) {
    struct epoll_event e;
    check(epoll_wait(epoll, &e, 1, 0));
}
static const char *name(long n) {
    static char path[64];
    snprintf(path, sizeof path, "many/%06ld", n);
    return path;
}
static void op_stat(void) {
    struct stat s;
    check(stat(name(some()), &s));
}
static void op_create(void) {
    close(check(open("many/new", O_WRONLY | O_CREAT, 0644)));
    check(unlink("many/new"));
}
static void op_rename(void) {
    char path[64];
    strcpy(path, name(some()));
    check(rename(path, "many/moved"));
    check(rename("many/moved", path));
}
/* The whole directory; what is printed is for one entry. */
static void op_list(void) {
    DIR *directory = opendir("many");
    if (!directory) check(-1);
    while (readdir(directory)) {
    }
    closedir(directory);
}
static void op_map(void) {
    void *p = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) check(-1);
    check(munmap(p, 65536));
}
static void op_protect(void) {
    char *page = area + (some() / 2 * 2) * 4096;
    check(mprotect(page, 4096, PROT_READ | PROT_WRITE));
    check(mprotect(page, 4096, PROT_READ));
}
static void op_grow(void) {
    char *p = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) check(-1);
    p = mremap(p, 4096, 8192, MREMAP_MAYMOVE);
    if (p == MAP_FAILED) check(-1);
    check(munmap(p, 8192));
}

static void hold_processes(long count) {
    for (; held < count; held++) {
        int pid = check(fork());
        if (!pid) {
            pause();
            _exit(0);
        }
        pids[held] = pid;
    }
}
static void hold_descriptors(long count) {
    if (!held) {
        struct rlimit most = {1 << 20, 1 << 20}, now_;
        getrlimit(RLIMIT_NOFILE, &now_);
        if (now_.rlim_max < most.rlim_max) most.rlim_max = now_.rlim_max;
        most.rlim_cur = most.rlim_max;
        setrlimit(RLIMIT_NOFILE, &most);
        epoll = check(epoll_create1(0));
    }
    for (; held < count; held++) {
        struct epoll_event e = {EPOLLIN, {0}};
        check(epoll_ctl(epoll, EPOLL_CTL_ADD, check(eventfd(0, 0)), &e));
    }
}
static void hold_entries(long count) {
    if (!held) check(mkdir("many", 0755));
    for (; held < count; held++) close(check(open(name(held), O_WRONLY | O_CREAT, 0644)));
}
/* Neighbours differ in what is allowed, so that they stay areas of their own. */
static void hold_mappings(long count) {
    if (!area) {
        area = mmap(0, MOST * 4096L, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (area == MAP_FAILED) check(-1);
    }
    for (; held < count; held += 2) check(mprotect(area + held * 4096, 4096, PROT_READ));
}

static const struct {
    const char *family, *name;
    void (*hold)(long);
    void (*run)(void);
    int each; /* the time is divided by the number of things */
} operations[] = {
    {"processes", "fork + wait", hold_processes, op_fork, 0},
    {"processes", "kill(pid, 0)", hold_processes, op_kill, 0},
    {"processes", "waitpid(WNOHANG)", hold_processes, op_wait, 0},
    {"descriptors", "open + close", hold_descriptors, op_open, 0},
    {"descriptors", "dup + close", hold_descriptors, op_dup, 0},
    {"descriptors", "epoll_wait, all idle", hold_descriptors, op_epoll, 0},
    {"entries", "stat", hold_entries, op_stat, 0},
    {"entries", "create + unlink", hold_entries, op_create, 0},
    {"entries", "rename twice", hold_entries, op_rename, 0},
    {"entries", "list, each entry", hold_entries, op_list, 1},
    {"mappings", "mmap + munmap", hold_mappings, op_map, 0},
    {"mappings", "mprotect twice", hold_mappings, op_protect, 0},
    {"mappings", "mremap to grow", hold_mappings, op_grow, 0},
};

static double measure(void (*run)(void)) {
    double best = 1e9, end = now() + SECONDS;
    do { /* the best of blocks: others may use the processor */
        double since = now();
        long done = 0;
        do {
            run();
            done++;
        } while (done < 20 && now() < end);
        double took = (now() - since) / done * 1e6;
        if (took < best) best = took;
    } while (now() < end);
    return best;
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    for (int n = 2; n < argc; n++) {
        long count = atol(argv[n]);
        for (unsigned k = 0; k < sizeof operations / sizeof *operations; k++) {
            if (strcmp(operations[k].family, argv[1])) continue;
            operations[k].hold(count);
            operations[k].run();
            double us = measure(operations[k].run);
            printf("%s|%ld|%.4f\n", operations[k].name, held, operations[k].each ? us / held : us);
            fflush(stdout);
        }
    }
    for (long n = 0; n < held && pids[0]; n++) kill(pids[n], SIGKILL);
    while (pids[0] && wait(0) > 0) {
    }
    return 0;
}

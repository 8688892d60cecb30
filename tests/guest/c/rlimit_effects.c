/* What limits of resources refuse to an ordinary user, and with which errors or signals. */
#include "t.h"
#include <alloca.h>

static void told(const char *what, long result) {
    printf("%s: %s", what, result < 0 ? strerrorname_np(errno) : "ok");
    if (result > 0)
        printf(" %ld", result);
    puts("");
}

#define DO(...) told(#__VA_ARGS__, (long)(__VA_ARGS__))
#define MAPPED(...) told("mmap " #__VA_ARGS__, mmap(NULL, __VA_ARGS__, -1, 0) == MAP_FAILED ? -1 : 0)
#define LIMITED(which, soft, hard, ...)                                                                                    \
    do {                                                                                                                   \
        puts("== " #which " " #soft);                                                                                      \
        if (!fork()) {                                                                                                     \
            struct rlimit limit = {soft, hard};                                                                            \
            if (setrlimit(which, &limit) < 0)                                                                              \
                printf("set: %s\n", strerrorname_np(errno));                                                               \
            __VA_ARGS__;                                                                                                   \
            _exit(0);                                                                                                      \
        }                                                                                                                  \
        int status;                                                                                                        \
        wait(&status);                                                                                                     \
        if (WIFSIGNALED(status))                                                                                           \
            printf("killed by %d\n", WTERMSIG(status));                                                                    \
    } while (0)

int main(void) {
    setbuf(stdout, NULL);
    const int private = MAP_PRIVATE | MAP_ANONYMOUS;
    if (!fork()) {
        setgroups(0, NULL), setgid(1000), setuid(1000);
        close(3), close(4);
        LIMITED(RLIMIT_NOFILE, 3, 10, DO(open("/", 0)); DO(dup(0)); DO(dup2(0, 3)); DO(dup2(0, 2)); DO(fcntl(0, F_DUPFD, 3));
                DO(fcntl(0, F_DUPFD, 2)); int p[2]; DO(pipe(p)); DO(socket(1, 1, 0)); DO(epoll_create1(0)); DO(eventfd(0, 0)));
        LIMITED(RLIMIT_FSIZE, 1000, 2000, signal(SIGXFSZ, SIG_IGN); int f = memfd_create("f", 0); char b[3000] = ""; DO(write(f, b, 3000));
                DO(write(f, b, 1)); DO(ftruncate(f, 1000)); DO(ftruncate(f, 1001)); DO(pwrite(f, b, 1, 999));
                DO(pwrite(f, b, 10, 5000)); DO(fallocate(f, 0, 0, 2000)); DO(truncate("/dev/null", 5000)));
        LIMITED(RLIMIT_FSIZE, 10, 10, int f = memfd_create("f", 0); DO(write(f, "hellohello", 10)); DO(write(f, "x", 1)));
        LIMITED(RLIMIT_AS, 50 << 20, 50 << 20, MAPPED(100 << 20, 3, private); MAPPED(100 << 20, 0, private); MAPPED(4096, 3, private));
        LIMITED(RLIMIT_DATA, 1 << 20, 1 << 20, MAPPED(2 << 20, 3, private); MAPPED(2 << 20, 1, private);
                MAPPED(2 << 20, 3, MAP_SHARED | MAP_ANONYMOUS); told("sbrk", sbrk(2 << 20) == (void *)-1 ? -1 : 0));
        LIMITED(RLIMIT_MEMLOCK, 8192, 8192, char *m = mmap(NULL, 1 << 16, 3, private, -1, 0); DO(mlock(m, 4096)); DO(mlock(m, 8192));
                DO(mlock(m, 12288)); DO(mlockall(MCL_CURRENT)); MAPPED(16384, 3, private | MAP_LOCKED); struct rlimit none = {0, 0};
                DO(setrlimit(RLIMIT_MEMLOCK, &none)); DO(mlock(m, 4096)); DO(munlock(m, 4096)); DO(mlockall(MCL_FUTURE)));
        LIMITED(RLIMIT_NICE, 0, 0, DO(setpriority(PRIO_PROCESS, 0, 5)); DO(setpriority(PRIO_PROCESS, 0, 4)); DO(nice(-1)));
        LIMITED(RLIMIT_RTPRIO, 0, 0, struct sched_param p = {10}; DO(sched_setscheduler(0, SCHED_FIFO, &p)));
        LIMITED(RLIMIT_NPROC, 0, 0, DO(fork()));
        LIMITED(RLIMIT_CORE, 0, 0, abort());
        LIMITED(RLIMIT_LOCKS, 0, 0, struct flock l = {F_WRLCK}; DO(fcntl(memfd_create("f", 0), F_SETLK, &l)));
        _exit(0);
    }
    wait(NULL);
    return 0;
}

/* What every program of the corpus includes: headers, and helpers that print results by name. */
#ifndef T_H
#define T_H
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <ifaddrs.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include <utime.h>

#define BAD ((void *)8) /* never mapped */
#define MS 1000000L     /* ns */

static const char *ename(int number) {
    const char *name = number ? strerrorname_np(number) : "0";
    return name ? name : "?";
}
/* Print an expression, its value and, when that is -1, the errno. */
#define SHOW(e)                                                                           \
    ({                                                                                    \
        errno = 0;                                                                        \
        long r_ = (long)(e);                                                              \
        int n_ = errno;                                                                   \
        printf("%s = %ld%s%s\n", #e, r_, r_ == -1 ? " " : "", r_ == -1 ? ename(n_) : ""); \
    })
/* The same for results whose value may differ (descriptors, pids, addresses): ok or the errno. */
#define OK(e)                                                              \
    ({                                                                     \
        errno = 0;                                                         \
        __typeof__(e) r_ = (e);                                            \
        int n_ = errno;                                                    \
        printf("%s: %s\n", #e, (long)r_ == -1 ? ename(n_) : "ok");         \
        errno = n_;                                                        \
        r_;                                                                \
    })
/* A step that is not under test. */
#define MUST(e)                                                                \
    ({                                                                         \
        __typeof__(e) m_ = (e);                                                \
        if ((long)m_ == -1) {                                                  \
            printf("line %d: %s failed: %s\n", __LINE__, #e, ename(errno));    \
            exit(99);                                                          \
        }                                                                      \
        m_;                                                                    \
    })
/* A value that is not an error code. */
#define VAL(e) printf("%s: %ld\n", #e, (long)(e))
#define STR(e) printf("%s: %s\n", #e, (e))

static void __attribute__((constructor)) line_by_line(void) {
    static char buffer[4096]; /* not of malloc's, which would move the break */
    setvbuf(stdout, buffer, _IOLBF, sizeof buffer);
}

static inline long now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
static inline void nap(long ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&t, &t) == -1 && errno == EINTR);
}
static inline void put(const char *path, const char *text) {
    int fd = MUST(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
    MUST(write(fd, text, strlen(text)));
    close(fd);
}
static inline void show_file(const char *path) {
    char b[512];
    int fd = MUST(open(path, O_RDONLY));
    int n = MUST(read(fd, b, sizeof b - 1));
    b[n] = 0;
    printf("%s [%d]: %s\n", path, n, b);
    close(fd);
}
static inline void show_status(int s) {
    if (WIFEXITED(s)) printf("exited %d\n", WEXITSTATUS(s));
    else if (WIFSIGNALED(s)) printf("killed by %d\n", WTERMSIG(s));
    else if (WIFSTOPPED(s)) printf("stopped by %d\n", WSTOPSIG(s));
    else if (WIFCONTINUED(s)) printf("continued\n");
    else printf("status %x\n", s);
}
/* Reap one child and print how it ended. */
static inline void reap(pid_t pid) {
    int s = 0;
    MUST(waitpid(pid, &s, 0));
    show_status(s);
}
static inline void show_mode(const char *path) {
    struct stat s;
    if (lstat(path, &s)) printf("%s: %s\n", path, ename(errno));
    else printf("%s: mode %o links %ld size %ld\n", path, s.st_mode, (long)s.st_nlink,
                S_ISDIR(s.st_mode) ? 0L : (long)s.st_size);
}
static inline void handle(int signo, void (*f)(int), int flags) {
    struct sigaction a = {.sa_handler = f, .sa_flags = flags};
    MUST(sigaction(signo, &a, NULL));
}
#endif

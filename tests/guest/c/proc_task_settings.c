/* Files of /proc/PID that can be written: oom_score_adj, oom_adj, timerslack_ns; and which a thread's directory lacks. */
#include "t.h"

static int put_(const char *path, const char *text) {
    int fd = open(path, O_WRONLY);
    if (fd < 0) {
        printf("%s: open %s\n", strrchr(path, '/') + 1, strerrorname_np(errno));
        return -1;
    }
    int n = write(fd, text, strlen(text));
    printf("%s=%s: %s\n", strrchr(path, '/') + 1, text, n < 0 ? strerrorname_np(errno) : "ok");
    close(fd);
    return n;
}

static long get_(const char *path) {
    char text[64] = "";
    int fd = open(path, O_RDONLY);
    if (read(fd, text, sizeof text - 1) < 0)
        printf("%s: read %s\n", strrchr(path, '/') + 1, strerrorname_np(errno));
    close(fd);
    return atol(text);
}

static void scores(void) {
    const char *score = "/proc/self/oom_score_adj", *old = "/proc/self/oom_adj";
    char base[32], low[32];
    sprintf(base, "%ld", get_(score));
    sprintf(low, "%ld", get_(score) - 1);
    put_(score, "900"), put_(score, "800");
    printf("%ld %ld\n", get_(score), get_(old));
    int fd = open(score, O_WRONLY), there = write(fd, base, strlen(base)) > 0, below = write(fd, low, strlen(low)) < 0 ? errno : 0;
    printf("back %d, below %s\n", there, strerrorname_np(below));
    put_(old, "7"), printf("%ld %ld\n", get_(score), get_(old));
    put_(old, "6"), put_(old, "15"), put_(old, "14");
    printf("%ld %ld\n", get_(score), get_(old));
    put_(old, "16"), put_(old, "-18"), put_(old, "x"), put_(old, "99999999999");
    put_(score, "1001"), put_(score, "-1001"), put_(score, "x"), put_(score, ""), put_(score, "99999999999"), put_(score, "0x3e8\n");
}

static void slack(const char *parents) {
    const char *own = "/proc/self/timerslack_ns";
    put_(own, "1234\n");
    printf("%d %ld\n", prctl(PR_GET_TIMERSLACK), get_(own));
    put_(own, "0"), printf("%d\n", prctl(PR_GET_TIMERSLACK));
    put_(own, "-1"), put_(own, "x"), put_(own, "0x10"), put_(own, "99999999999999999999"), put_(own, "");
    put_(parents, "77"), get_(parents);
}

int main(void) {
    setbuf(stdout, NULL);
    char parents[64];
    sprintf(parents, "/proc/%d/timerslack_ns", getpid());
    if (!fork()) {
        setgroups(0, NULL), setgid(1000), setuid(1000), prctl(PR_SET_DUMPABLE, 1);
        scores();
        slack(parents);
        _exit(0);
    }
    wait(NULL);
    const char *names[] = {"coredump_filter", "mountstats", "timens_offsets", "timerslack_ns", "children", "oom_adj", "cpuset", "task"};
    for (int i = 0; i < 8; i++) {
        char one[64], other[64];
        sprintf(one, "/proc/self/%s", names[i]), sprintf(other, "/proc/thread-self/%s", names[i]);
        printf("%s %d %d\n", names[i], access(one, F_OK), access(other, F_OK));
    }
    struct timeval wrong[] = {{0, 1000000}, {0, -1}, {-1, 0}};
    for (int i = 0; i < 3; i++)
        printf("settimeofday %s\n", syscall(SYS_settimeofday, &wrong[i], NULL) < 0 ? strerrorname_np(errno) : "ok");
    if (!fork()) {
        setgroups(0, NULL), setgid(1000), setuid(1000);
        printf("syslog %s\n", syscall(SYS_syslog, 99, NULL, 0) < 0 ? strerrorname_np(errno) : "ok");
        _exit(0);
    }
    wait(NULL);
    return 0;
}

// admin
// Time namespaces: offsets of the clocks that count from the boot, by the vDSO, by calls, for timers and in /proc.
#include "t.h"
#include <sys/sysinfo.h>
#include <sys/timerfd.h>

#define DAY 86400L
static struct timespec base[2];

static long ahead(int clock, int i) { // seconds that this process's clock is ahead of the one at start, in days
    struct timespec now, raw;
    MUST(clock_gettime(clock, &now)), MUST(syscall(SYS_clock_gettime, clock, &raw));
    if (labs(now.tv_sec - raw.tv_sec) > 2) printf("vDSO and call differ for %d\n", clock);
    return (now.tv_sec - base[i].tv_sec + DAY / 2) / DAY;
}
static void clocks(const char *who) {
    printf("%s: monotonic %ld raw %ld coarse %ld boot %ld real %d\n", who, ahead(CLOCK_MONOTONIC, 0), ahead(CLOCK_MONOTONIC_RAW, 0),
           ahead(CLOCK_MONOTONIC_COARSE, 0), ahead(CLOCK_BOOTTIME, 1), time(0) > 1000000000);
    fflush(stdout);
}
static void offsets(const char *text) {
    int fd = MUST(open("/proc/self/timens_offsets", O_WRONLY));
    int n = write(fd, text, strlen(text));
    printf("write %s: %s\n", text, n < 0 ? ename(errno) : "ok");
    close(fd);
}
static void show(const char *path) {
    char buf[200] = "";
    int fd = MUST(open(path, O_RDONLY));
    MUST(read(fd, buf, sizeof buf - 1));
    printf("%s", buf);
    close(fd);
}
static int same(const char *a, const char *b) {
    struct stat x, y;
    MUST(stat(a, &x)), MUST(stat(b, &y));
    return x.st_ino == y.st_ino;
}
static void waiting(void) { // absolute times are those of the clock inside
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += 20000000;
    if (at.tv_nsec >= 1000000000) at.tv_nsec -= 1000000000, at.tv_sec++;
    VAL(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, 0));
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    VAL((now.tv_sec - at.tv_sec) * 1000000000L + now.tv_nsec - at.tv_nsec >= 0);
    VAL(now.tv_sec - at.tv_sec < 30);
    at.tv_sec += 3600;
    int fd = MUST(timerfd_create(CLOCK_BOOTTIME, 0));
    struct itimerspec t = {.it_value = {1}}, left;
    clock_gettime(CLOCK_BOOTTIME, &t.it_value), t.it_value.tv_sec += 3600;
    SHOW(timerfd_settime(fd, TFD_TIMER_ABSTIME, &t, 0)), SHOW(timerfd_gettime(fd, &left));
    VAL(left.it_value.tv_sec > 3500 && left.it_value.tv_sec < 3601);
    t.it_value.tv_sec = 1;
    SHOW(timerfd_settime(fd, TFD_TIMER_ABSTIME, &t, 0));
    uint64_t ticks;
    VAL(read(fd, &ticks, 8)), VAL(ticks);
    timer_t id;
    struct sigevent e = {.sigev_notify = SIGEV_NONE};
    MUST(timer_create(CLOCK_MONOTONIC, &e, &id));
    t.it_value = at;
    SHOW(timer_settime(id, TIMER_ABSTIME, &t, 0)), SHOW(timer_gettime(id, &left));
    VAL(left.it_value.tv_sec > 3500 && left.it_value.tv_sec < 3601);
    int word = 0;
    at.tv_sec -= 3600, at.tv_nsec = 0;
    SHOW(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, &at, 0, ~0));
    struct sysinfo s;
    MUST(sysinfo(&s)), printf("sysinfo: %ld days\n", s.uptime / DAY > 19 ? 20L : 0);
    FILE *f = fopen("/proc/uptime", "r");
    double up;
    MUST(fscanf(f, "%lf", &up));
    printf("uptime: %d\n", up > 20 * DAY && up < 2000 * DAY), fclose(f);
}
static void child(void (*what)(void)) {
    fflush(stdout);
    pid_t pid = MUST(fork());
    if (!pid) what(), fflush(stdout), _exit(0);
    int status;
    MUST(waitpid(pid, &status, 0));
    if (status) printf("child %x\n", status);
}
static void inside(void) {
    clocks("child");
    VAL(same("/proc/self/ns/time", "/proc/self/ns/time_for_children"));
    offsets("monotonic 5 5\n");
    waiting();
}
static int back;
static void returns(void) {
    SHOW(setns(back, CLONE_NEWTIME));
    clocks("returned");
    fflush(stdout);
    if (!fork()) clocks("its child"), _exit(0);
    wait(0);
}
static void executes(void) {
    char a[32], b[32];
    sprintf(a, "%ld", base[0].tv_sec), sprintf(b, "%ld", base[1].tv_sec);
    execl("/proc/self/exe", "again", a, b, NULL);
}
int main(int argc, char **argv) {
    if (argc == 3) {
        base[0].tv_sec = atol(argv[1]), base[1].tv_sec = atol(argv[2]);
        clocks("executed");
        return 0;
    }
    clock_gettime(CLOCK_MONOTONIC, &base[0]), clock_gettime(CLOCK_BOOTTIME, &base[1]);
    show("/proc/self/timens_offsets");
    offsets("monotonic 1 0");
    back = MUST(open("/proc/self/ns/time", O_RDONLY));
    SHOW(unshare(CLONE_NEWTIME));
    VAL(same("/proc/self/ns/time", "/proc/self/ns/time_for_children"));
    offsets(""), offsets("monotonic"), offsets("monotonic 1"), offsets("monotonic 1 1000000000"), offsets("real 1 1"), offsets("0 1 1"), offsets("monotonic -900000000000 0");
    offsets("monotonic 9223372036854775807 0"), offsets("monotonic x 0"), offsets("1 864000 5\n7 1728000 0\n");
    show("/proc/self/timens_offsets");
    offsets("monotonic 864000 0"), offsets("boottime 1728000 500\n");
    show("/proc/self/timens_offsets");
    clocks("maker");
    child(inside), child(executes), child(returns);
    offsets("monotonic 1 0");
    clocks("maker");
    pid_t pid = vfork();
    if (!pid) executes(), _exit(1);
    int status;
    MUST(waitpid(pid, &status, 0)), VAL(status);
    int there = MUST(open("/proc/self/ns/time_for_children", O_RDONLY));
    SHOW(setns(back, CLONE_NEWTIME)), SHOW(setns(there, CLONE_NEWUTS)), SHOW(setns(there, 0));
    clocks("entered");
    child(executes);
    struct { uint64_t a[11]; } args = {{CLONE_NEWTIME, 0, 0, 0, SIGCHLD}};
    fflush(stdout);
    pid = syscall(SYS_clone3, &args, sizeof args);
    if (!pid) clocks("clone3"), show("/proc/self/timens_offsets"), offsets("monotonic 1 0"), fflush(stdout), _exit(0);
    MUST(waitpid(pid, 0, 0));
    args.a[0] |= CLONE_VM | CLONE_VFORK;
    if (!(pid = syscall(SYS_clone3, &args, sizeof args))) _exit(!same("/proc/self/ns/time", "/proc/self/ns/time_for_children"));
    MUST(waitpid(pid, &status, 0)), VAL(status);
    return 0;
}

// Page faults, context switches and both kinds of time in getrusage(2), wait4(2), times(2) and /proc.
#include "t.h"
#include <sys/times.h>

static struct rusage usage(int who) {
    struct rusage r;
    MUST(getrusage(who, &r));
    return r;
}
static void touch(int pages) {
    char *p = mmap(0, pages * 4096L, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    madvise(p, pages * 4096L, MADV_NOHUGEPAGE);
    for (int i = 0; i < pages; i++) p[i * 4096L] = 1;
    munmap(p, pages * 4096L);
}
static void waits(int n) {
    for (int i = 0; i < n; i++) usleep(100);
}
static long us(struct timeval t) { return t.tv_sec * 1000000 + t.tv_usec; }
static void between(const char *what, long n, long least, long most) {
    printf("%s: %s\n", what, n < least ? "too few" : n > most ? "too many" : "as many");
}
static long field(const char *path, int n) { // of a stat file, from 1 on
    char buf[2048];
    FILE *f = fopen(path, "r");
    buf[fread(buf, 1, sizeof buf - 1, f)] = 0;
    fclose(f);
    char *at = strrchr(buf, ')') + 2;
    for (n -= 3; n > 0; n--) at = strchr(at, ' ') + 1;
    return atol(at);
}
static long switches(const char *path) {
    char line[256];
    long n = -1;
    FILE *f = fopen(path, "r");
    while (fgets(line, sizeof line, f)) sscanf(line, "voluntary_ctxt_switches: %ld", &n);
    fclose(f);
    return n;
}
static void *thread(void *p) {
    waits(40);
    between("waits of a thread", usage(RUSAGE_THREAD).ru_nvcsw, 40, 60);
    return 0;
}
int main(void) {
    struct rusage a = usage(RUSAGE_SELF), b;
    long faults = field("/proc/self/stat", 10);
    touch(3000);
    b = usage(RUSAGE_SELF);
    between("faults", b.ru_minflt - a.ru_minflt, 3000, 4000), between("in /proc", field("/proc/self/stat", 10) - faults, 3000, 4000);
    between("the same", labs(field("/proc/self/stat", 10) - b.ru_minflt), 0, 200);
    between("of the thread", usage(RUSAGE_THREAD).ru_minflt, b.ru_minflt, b.ru_minflt + 200);
    long before = switches("/proc/self/status");
    waits(50);
    a = usage(RUSAGE_SELF);
    between("waits", a.ru_nvcsw - b.ru_nvcsw, 50, 70), between("in /proc", switches("/proc/self/status") - before, 50, 70);
    // both kinds of time grow
    do {
        touch(1000);
        b = usage(RUSAGE_SELF);
    } while (us(b.ru_utime) - us(a.ru_utime) + us(b.ru_stime) - us(a.ru_stime) < 100000 || us(b.ru_stime) == us(a.ru_stime));
    for (volatile int i = 0; us(usage(RUSAGE_SELF).ru_utime) <= us(b.ru_utime);) for (int k = 0; k < 1000000; k++) i++;
    printf("times grow\n");
    struct tms t;
    times(&t);
    b = usage(RUSAGE_SELF);
    between("times(2), user", labs(t.tms_utime - us(b.ru_utime) / 10000), 0, 2), between("system", labs(t.tms_stime - us(b.ru_stime) / 10000), 0, 2);
    // a child, and its child
    int pid = fork(), status;
    if (!pid) {
        int other = fork();
        if (!other) touch(1000), waits(30), exit(0);
        waitpid(other, 0, 0);
        touch(2000), waits(20);
        between("own children, faults", usage(RUSAGE_CHILDREN).ru_minflt, 1000, 1400);
        fflush(stdout);
        exit(0);
    }
    MUST(wait4(pid, &status, 0, &b));
    between("wait4, faults", b.ru_minflt, 3000, 4200), between("waits", b.ru_nvcsw, 50, 90);
    a = usage(RUSAGE_CHILDREN);
    printf("children: %d %d\n", a.ru_minflt == b.ru_minflt, a.ru_nvcsw == b.ru_nvcsw);
    between("in /proc", field("/proc/self/stat", 11) - a.ru_minflt, 0, 0);
    if (!(pid = fork())) execl("/bin/sh", "sh", "-c", "exit 3", NULL);
    MUST(wait4(pid, &status, 0, &b));
    between("of a program, faults", b.ru_minflt, 20, 2000);
    if (!(pid = fork())) touch(1500), pause();
    char path[64];
    sprintf(path, "/proc/%d/stat", pid);
    while (field(path, 10) < 1500) usleep(1000);
    kill(pid, SIGKILL);
    MUST(wait4(pid, &status, 0, &b));
    between("of a killed one, faults", b.ru_minflt, 1500, 2500);
    pthread_t one;
    pthread_create(&one, 0, thread, 0), pthread_join(one, 0);
}

/* What processes have used that are gone stays in /proc/stat and /proc/vmstat. */
#include "t.h"

static long value(const char *path, const char *name) {
    char line[512];
    long n = -1;
    size_t size = strlen(name);
    FILE *f = fopen(path, "r");
    while (fgets(line, sizeof line, f))
        if (!strncmp(line, name, size) && line[size] == ' ') {
            n = atol(line + size + 1);
            if (!strcmp(name, "cpu")) {
                long user, nice, system;
                sscanf(line + size, "%ld %ld %ld", &user, &nice, &system);
                n = user + nice + system;
            }
        }
    fclose(f);
    return n;
}

int main(void) {
    long faults = value("/proc/vmstat", "pgfault"), ticks = value("/proc/stat", "cpu");
    VAL(faults > 0);
    VAL(value("/proc/vmstat", "pgmajfault") >= 0);
    pid_t pid = fork();
    if (!pid) {
        char *p = mmap(0, 1000 * 4096L, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        madvise(p, 1000 * 4096L, MADV_NOHUGEPAGE);
        for (int i = 0; i < 1000; i++) p[i * 4096L] = 1;
        struct timespec now;
        do clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        while (now.tv_nsec < 150000000 && !now.tv_sec);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    VAL(value("/proc/vmstat", "pgfault") - faults >= 1000);
    VAL(value("/proc/stat", "cpu") - ticks >= 14);
    return 0;
}

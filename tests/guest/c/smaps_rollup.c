/* /proc/PID/smaps_rollup: names and order of its lines, and whose memory is counted where (fs/proc/task_mmu.c). */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static long rollup(const char *wanted, int show) {
    char line[256], name[64];
    long value = -1, kb;
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    if (!fgets(line, sizeof line, file)) exit(1);
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "%63[^:]: %ld kB", name, &kb) != 2) exit(2);
        if (show) printf("%s\n", name);
        if (!strcmp(name, wanted)) value = kb;
    }
    fclose(file);
    return value;
}

static const char *near(long a, long b, long want) { return a - b > want - 300 && a - b < want + 300 ? "as much" : "other"; }

int main(void) {
    const size_t size = 8 << 20;
    rollup("", 1);
    long anon = rollup("Pss_Anon", 0), shmem = rollup("Pss_Shmem", 0), file = rollup("Pss_File", 0);
    char *own = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(own, 1, size);
    printf("own: %s, shared %s\n", near(rollup("Pss_Anon", 0), anon, 8192), near(rollup("Pss_Shmem", 0), shmem, 0));
    char *shared = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memset(shared, 1, size);
    printf("shared: own %s, shared %s, files %s\n", near(rollup("Pss_Anon", 0), anon, 8192), near(rollup("Pss_Shmem", 0), shmem, 8192),
           near(rollup("Pss_File", 0), file, 0));
    fflush(stdout);
    if (fork() == 0) {
        printf("a child has half: own %s\n", near(rollup("Pss_Anon", 0), anon / 2, 4096));
        return 0;
    }
    wait(0);
    return 0;
}

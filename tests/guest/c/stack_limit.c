/* A stack grows up to RLIMIT_STACK as it is then: lowered, raised, for the first thread and after execve(2). */
#include "t.h"

static void __attribute__((noinline)) down(long bytes) {
    char room[4096];
    memset(room, 1, sizeof room);
    if (bytes > 4096) down(bytes - 4096);
    __asm__ volatile("" ::"r"(room) : "memory");
}

static void try(const char *what, long limit, long bytes) {
    int s, pid = fork();
    if (!pid) {
        struct rlimit l = {limit, RLIM_INFINITY};
        setrlimit(RLIMIT_STACK, &l);
        down(bytes);
        _exit(0);
    }
    waitpid(pid, &s, 0);
    printf("%s: limit %ld KiB, %ld KiB: ", what, limit >> 10, bytes >> 10);
    show_status(s & ~0x80);
}

static char *self;

static void again(const char *what, long limit, long bytes) {
    int s, pid = fork();
    if (!pid) {
        struct rlimit l = {limit, RLIM_INFINITY};
        char text[32];
        setrlimit(RLIMIT_STACK, &l);
        sprintf(text, "%ld", bytes);
        execl(self, self, text, NULL);
        _exit(9);
    }
    waitpid(pid, &s, 0);
    printf("%s: limit %ld KiB, %ld KiB: ", what, limit >> 10, bytes >> 10);
    show_status(s & ~0x80);
}

int main(int argc, char **argv) {
    self = argv[0];
    if (argc > 1) return down(atol(argv[1])), 0;
    struct rlimit l = {8 << 20, RLIM_INFINITY};
    setrlimit(RLIMIT_STACK, &l);
    long sizes[] = {64 << 10, 200 << 10, 400 << 10, 900 << 10, 2 << 20, 7 << 20, 12 << 20};
    long limits[] = {16 << 10, 256 << 10, 1 << 20, 8 << 20, 16 << 20, 64 << 20};
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 7; j++) {
            /* around the limit it depends on what lies on the stack already */
            if (limits[i] / 2 < sizes[j] && sizes[j] < limits[i] * 2) continue;
            if (limits[i] >= 1 << 20 || sizes[j] > 190 << 10) try("here", limits[i], sizes[j]);
            if (limits[i] >= 256 << 10) again("anew", limits[i], sizes[j]);
        }
    down(3 << 20);
    try("grown", 1 << 20, 2 << 20), try("grown", 1 << 20, 6 << 20);
    return 0;
}

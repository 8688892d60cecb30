/* PR_SET_MM: what /proc shows of arguments, environment and the auxiliary vector, and what is refused. */
#include "t.h"

struct map {
    uint64_t start_code, end_code, start_data, end_data, start_brk, brk, start_stack;
    uint64_t arg_start, arg_end, env_start, env_end;
    uint64_t *auxv;
    uint32_t auxv_size, exe_fd;
};

static void show(const char *what, long r) {
    printf("%s: %s\n", what, r < 0 ? strerrorname_np(errno) : "ok");
}

static void show_words(const char *path) {
    char text[256];
    int fd = open(path, O_RDONLY);
    int n = read(fd, text, sizeof text);
    for (int i = 0; i < n; i++)
        if (!text[i])
            text[i] = '|';
    printf("%s %.*s\n", path, n, text);
    close(fd);
}

static struct map now(void) {
    static char text[4096];
    unsigned long v[60] = {0};
    int fd = open("/proc/self/stat", O_RDONLY), n = 3;
    text[read(fd, text, sizeof text - 1)] = 0;
    close(fd);
    for (char *word = strtok(strrchr(text, ')') + 2, " "); word; word = strtok(NULL, " "))
        v[n++] = strtoul(word, NULL, 10);
    return (struct map){.start_code = v[26], .end_code = v[27], .start_stack = v[28], .start_data = v[45],
        .end_data = v[46], .start_brk = v[47], .brk = (uint64_t)sbrk(0), .arg_start = v[48], .arg_end = v[49],
        .env_start = v[50], .env_end = v[51], .exe_fd = -1};
}

static long set(struct map *map) { return prctl(PR_SET_MM, PR_SET_MM_MAP, map, sizeof *map, 0); }

static void maps(void) {
    char words[16] = "one\0two\0A=1\0B=2";
    struct map map = now(), bad;
    unsigned size = 0;
    show("size", prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0));
    printf("%u\n", size);
    show("size, nowhere", prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, 8, 0, 0));
    show("as it is", set(&map));
    map.arg_start = (uint64_t)words, map.arg_end = map.env_start = map.arg_start + 8, map.env_end = map.arg_start + 16;
    show("arguments", set(&map));
    show_words("/proc/self/cmdline");
    show_words("/proc/self/environ");
    show("short", prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map - 1, 0));
    show("fifth", prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 1));
    show("nowhere", prctl(PR_SET_MM, PR_SET_MM_MAP, 8, sizeof map, 0));
    bad = map, bad.arg_end = bad.arg_start - 1, show("arguments turned", set(&bad));
    bad = map, bad.end_code = bad.start_code, show("no code", set(&bad));
    bad = map, bad.end_data = bad.start_data - 1, show("data turned", set(&bad));
    bad = map, bad.brk = bad.start_brk - 1, show("heap turned", set(&bad));
    bad = map, bad.start_stack = 4096, show("low", set(&bad));
    bad = map, bad.env_end = 1UL << 63, show("high", set(&bad));
    bad = map, bad.auxv_size = 16, show("no vector", set(&bad));
    uint64_t vector[64] = {AT_PAGESZ, 4096, AT_UID, 77};
    bad = map, bad.auxv = vector, bad.auxv_size = 4096, show("long vector", set(&bad));
    bad.auxv = (void *)8, bad.auxv_size = 32, show("vector nowhere", set(&bad));
    bad.auxv = vector, show("vector", set(&bad));
    int fd = open("/proc/self/auxv", O_RDONLY);
    uint64_t got[64];
    int n = read(fd, got, sizeof got);
    printf("%d %d\n", n, memcmp(got, vector, 48));
    struct rlimit none = {4096, 4096};
    setrlimit(RLIMIT_DATA, &none);
    bad = map, bad.brk = bad.start_brk + 8192, show("more than RLIMIT_DATA", set(&bad));
}

static void user(void) {
    setgroups(0, NULL), setgid(1000), setuid(1000);
    struct map map = now();
    show("user: as it is", set(&map));
    map.exe_fd = 0, show("user: a file", set(&map));
    show("user: start_brk", prctl(PR_SET_MM, PR_SET_MM_START_BRK, map.start_brk, 0, 0));
    show("user: a fourth", prctl(PR_SET_MM, PR_SET_MM_START_BRK, map.start_brk, 1, 0));
    show("user: unknown", prctl(PR_SET_MM, 99, map.start_brk, 0, 0));
}

int main(void) {
    setbuf(stdout, NULL);
    for (int n = 0; n < 2; n++) {
        if (!fork()) {
            n ? user() : maps();
            _exit(0);
        }
        wait(NULL);
    }
    return 0;
}

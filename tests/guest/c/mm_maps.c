#include "t.h"

/* The line of /proc/self/maps that holds an address. */
static void line(const char *what, void *p) {
    FILE *f = fopen("/proc/self/maps", "r");
    char l[512];
    while (fgets(l, sizeof l, f)) {
        unsigned long a, b, off;
        char mode[5], name[300] = "";
        sscanf(l, "%lx-%lx %4s %lx %*s %*s %299[^\n]", &a, &b, mode, &off, name);
        if ((unsigned long)p >= a && (unsigned long)p < b) {
            char *base = strrchr(name, '/');
            printf("%s: +%lx %lu pages %s %lx %s\n", what, (unsigned long)p - a, (b - a) / 4096, mode, off, base ? base : name);
            fclose(f);
            return;
        }
    }
    printf("%s: not mapped\n", what);
    fclose(f);
}
int main(void) {
    long page = 4096;
    char *m = MUST(mmap(NULL, 64 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    MUST(mmap(m + 32 * page, page, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0)); /* apart from the rest */
    MUST(mmap(m + 8 * page, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    MUST(mmap(m + 12 * page, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    line("joined", m + 9 * page);
    MUST(mprotect(m + 10 * page, page, PROT_READ));
    line("before", m + 9 * page), line("cut", m + 10 * page), line("after", m + 11 * page);
    MUST(mprotect(m + 10 * page, page, PROT_READ | PROT_WRITE));
    line("joined again", m + 10 * page);
    MUST(munmap(m + 9 * page, page));
    line("hole", m + 9 * page);
    put("f", "x");
    int fd = MUST(open("f", O_RDWR));
    MUST(ftruncate(fd, 8 * page));
    MUST(mmap(m + 40 * page, 2 * page, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, page));
    MUST(mmap(m + 42 * page, 2 * page, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 3 * page));
    MUST(mmap(m + 44 * page, 2 * page, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, fd, 5 * page));
    line("file", m + 43 * page), line("shared file", m + 44 * page);
    MUST(munmap(m + 41 * page, page));
    line("rest of file", m + 42 * page);
    line("shared anonymous", m + 32 * page);
    char *q = MUST(mremap(m + 42 * page, 2 * page, 2 * page, MREMAP_MAYMOVE | MREMAP_FIXED, m + 50 * page));
    line("moved", q), line("left", m + 42 * page);
    char *heap = sbrk(page * 4);
    char l[512];
    FILE *f = fopen("/proc/self/maps", "r");
    int saw_heap = 0, saw_stack = 0, saw_vdso = 0, saw_exe = 0;
    unsigned long last = 0, a, b, ordered = 1;
    while (fgets(l, sizeof l, f)) {
        sscanf(l, "%lx-%lx", &a, &b);
        ordered &= a >= last && a < b;
        last = b;
        saw_heap += strstr(l, "[heap]") && (unsigned long)heap >= a && (unsigned long)heap < b;
        saw_stack += strstr(l, "[stack]") && (unsigned long)&l >= a && (unsigned long)&l < b;
        saw_vdso += strstr(l, "[vdso]") != 0;
        saw_exe += strstr(l, "mm_maps") && (unsigned long)line >= a && (unsigned long)line < b;
    }
    printf("%d %d %d %d %lu\n", saw_heap, saw_stack, saw_vdso, saw_exe, ordered);
    return 0;
}

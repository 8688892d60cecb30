#include "t.h"

static void *map(void *a, size_t n, int prot, int flags, int fd, off_t at) {
    void *p = mmap(a, n, prot, flags, fd, at);
    printf("%s\n", p == MAP_FAILED ? ename(errno) : "ok");
    return p;
}
int main(void) {
    put("f", "data");
    int r = MUST(open("f", O_RDONLY)), w = MUST(open("f", O_WRONLY)), rw = MUST(open("f", O_RDWR)), d = open(".", O_RDONLY);
    int p[2];
    MUST(pipe(p));
    map(0, 0, PROT_READ, MAP_PRIVATE, r, 0);
    map(0, 10, PROT_READ, MAP_PRIVATE, r, 1);
    map(0, 10, PROT_READ, 0, r, 0);
    map(0, 10, PROT_READ, MAP_PRIVATE, -1, 0);
    map(0, 10, PROT_READ, MAP_PRIVATE, 99, 0);
    map(0, 10, PROT_WRITE, MAP_SHARED, r, 0);
    map(0, 10, PROT_READ, MAP_SHARED, r, 0);
    map(0, 10, PROT_READ, MAP_PRIVATE, w, 0);
    map(0, 10, PROT_WRITE, MAP_PRIVATE, w, 0);
    map(0, 10, PROT_READ, MAP_PRIVATE, d, 0);
    map(0, 10, PROT_READ, MAP_PRIVATE, p[0], 0);
    map(0, ~0UL, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    map(0, 1UL << 50, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    map((void *)1, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    map((void *)(1UL << 60), 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    char *a = map(0, 12288, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    map(a, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    SHOW(munmap(a + 4096, 4096));
    VAL(map(a + 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == a + 4096);
    VAL(map(a, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, r, 0) == a);
    STR(a);
    SHOW(munmap(a + 1, 4096));
    SHOW(munmap(a, 0));
    SHOW(munmap(a, 12288));
    SHOW(munmap(a, 12288));
    SHOW(munmap((void *)(1UL << 60), 4096));
    map(0, 4096, PROT_READ, MAP_SHARED_VALIDATE, r, 0);
    map(0, 4096, PROT_READ, MAP_SHARED_VALIDATE | 0x8000000, r, 0);
    return 0;
}

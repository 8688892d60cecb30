#include "t.h"

int main(void) {
    char *m = MUST((char *)mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    SHOW(mmap(m, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
    munmap(m + 4096, 4096);
    VAL(mmap(m + 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == m + 4096);
    VAL(m[4096]);
    m[0] = 'a';
    VAL(mmap(m, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == m);
    VAL(m[0]);
    SHOW(mmap(m + 1, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    SHOW(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    SHOW(mmap(NULL, 4096, PROT_READ, MAP_ANONYMOUS, -1, 0));
    SHOW(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, -1, 0));
    SHOW(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 0, 1));
    SHOW(mmap(NULL, -1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    SHOW(mmap(NULL, 1UL << 48, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    put("f", "contents");
    int r = MUST(open("f", O_RDONLY)), w = MUST(open("f", O_WRONLY)), fds[2];
    SHOW(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, r, 0));
    SHOW(mmap(NULL, 4096, PROT_READ, MAP_SHARED, w, 0));
    SHOW(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, w, 0));
    SHOW(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, open(".", O_RDONLY), 0));
    MUST(pipe(fds));
    SHOW(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fds[0], 0));
    SHOW(mmap(NULL, 4096, PROT_READ, MAP_SHARED_VALIDATE | 0x200, r, 0));
    char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, r, 0);
    p[0] = 'C';
    STR(p);
    show_file("f");
    char *z = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, open("/dev/zero", O_RDWR), 0);
    VAL(z[4095]);
    SHOW(munmap(m + 1, 4096));
    SHOW(munmap(m, 0));
    SHOW(munmap(BAD - 8, 4096));
    VAL((unsigned long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0) >> 32);
    int how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_32BIT;
    VAL(mmap((void *)0x50000000, 1 << 20, PROT_NONE, how, -1, 0));
    VAL(mmap((void *)0x30000001, 4096, PROT_NONE, how, -1, 0));
    VAL((unsigned long)mmap((void *)0x50001000, 4096, PROT_NONE, how, -1, 0) < 0x80000000);
    VAL((unsigned long)mmap((void *)0x7ffff000, 8192, PROT_NONE, how, -1, 0) < 0x7ffff000);
    VAL(mmap((void *)0x7fffe000, 8192, PROT_NONE, how, -1, 0));
    VAL((unsigned long)mmap((void *)0x100000000, 4096, PROT_NONE, how, -1, 0) < 0x80000000);
    how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    VAL(mmap((void *)0x60000fff, 4096, PROT_NONE, how, -1, 0));
    return 0;
}

#include "t.h"

/* Random changes of memory; afterwards every page is as accessible as /proc/self/maps says. */
#define PAGES 96
static unsigned long seed;
static unsigned rnd(unsigned n) {
    seed = seed * 6364136223846793005UL + 1442695040888963407UL;
    return (seed >> 33) % n;
}
static char *arena;
static int mode[PAGES];
static void read_maps(void) {
    char l[512];
    unsigned long a, b;
    char m[5];
    memset(mode, 0, sizeof mode);
    FILE *f = fopen("/proc/self/maps", "r");
    while (fgets(l, sizeof l, f)) {
        sscanf(l, "%lx-%lx %4s", &a, &b, m);
        for (int i = 0; i < PAGES; i++) {
            unsigned long p = (unsigned long)arena + i * 4096L;
            if (p >= a && p < b) mode[i] = 8 | (strncmp(m, "---", 3) ? 4 : 0) | (m[1] == 'w' ? 2 : 0);
        }
    }
    fclose(f);
}
static int verify(int fd) {
    int bad = 0, pipes[2];
    char c = 0;
    MUST(pipe(pipes));
    read_maps();
    for (int i = 0; i < PAGES; i++) {
        char *p = arena + i * 4096L;
        unsigned char core;
        int readable = write(pipes[1], p, 1) == 1;
        if (readable) MUST(read(pipes[0], &c, 1));
        int writable = pread(fd, p + 100, 1, 0) == 1;
        int mapped = mincore(p, 4096, &core) == 0;
        bad += readable != !!(mode[i] & 4) || writable != !!(mode[i] & 2) || mapped != !!(mode[i] & 8);
    }
    close(pipes[0]), close(pipes[1]);
    return bad;
}
static void step(int fd) {
    static const int prots[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC, PROT_READ | PROT_WRITE};
    char *p = arena + rnd(PAGES - 12) * 4096L, *q = arena + rnd(PAGES - 24) * 4096L;
    size_t n = (1 + rnd(12)) * 4096L;
    int prot = prots[rnd(5)];
    switch (rnd(9)) {
    case 0: mmap(p, n, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0); break;
    case 1: mmap(p, n, prot, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0); break;
    case 2: mmap(p, n, prot, (rnd(2) ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED, fd, rnd(50) * 4096L); break;
    case 3: mmap(p, n, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0); break;
    case 4: munmap(p, n); break;
    case 5:
    case 6: mprotect(p, n, prot); break;
    case 7: mremap(p, n, (1 + rnd(12)) * 4096L, rnd(2) ? MREMAP_MAYMOVE | MREMAP_FIXED : 0, q); break;
    case 8: madvise(p, n, rnd(2) ? MADV_DONTNEED : MADV_DONTFORK); break;
    }
}
int main(void) {
    int fd = MUST(open("f", O_RDWR | O_CREAT, 0600));
    MUST(ftruncate(fd, PAGES * 4096L));
    arena = MUST(mmap(NULL, PAGES * 4096L, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (int round = 0; round < 40; round++) {
        seed = round;
        fflush(stdout);
        pid_t pid = MUST(fork());
        if (pid == 0) {
            int bad = 0;
            for (int i = 0; i < 60; i++) step(fd);
            bad += verify(fd);
            pid_t inner = MUST(fork());
            if (inner == 0) _exit(verify(fd) != 0);
            int s;
            MUST(waitpid(inner, &s, 0));
            for (int i = 0; i < 20; i++) step(fd);
            bad += verify(fd);
            if (bad || s) printf("round %d: %d pages, child %d\n", round, bad, s);
            fflush(stdout);
            _exit(0);
        }
        int s;
        MUST(waitpid(pid, &s, 0));
        if (s) VAL(s);
    }
    puts("done");
    return 0;
}

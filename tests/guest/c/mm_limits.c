#include "t.h"

static char *map(size_t n, int prot, int flags) {
    char *p = mmap(NULL, n, prot, flags | MAP_ANONYMOUS, -1, 0);
    printf("%s\n", p == MAP_FAILED ? ename(errno) : "ok");
    return p;
}
static void limit(int what, rlim_t n) {
    struct rlimit l;
    MUST(getrlimit(what, &l));
    l.rlim_cur = n;
    MUST(setrlimit(what, &l));
}
int main(void) {
    char *low = MUST(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
    VAL((unsigned long)low < 1UL << 31);
    char *a = map(1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    limit(RLIMIT_AS, 64 << 20);
    map(128 << 20, PROT_NONE, MAP_PRIVATE);
    SHOW((long)mremap(a, 1 << 20, 128 << 20, MREMAP_MAYMOVE));
    VAL(malloc(100 << 20) == NULL);
    limit(RLIMIT_AS, RLIM_INFINITY);
    limit(RLIMIT_DATA, 16 << 20);
    map(32 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    char *ro = map(32 << 20, PROT_READ, MAP_PRIVATE);
    SHOW(mprotect(ro, 32 << 20, PROT_READ | PROT_WRITE));
    map(32 << 20, PROT_READ | PROT_WRITE, MAP_SHARED);
    VAL(sbrk(32 << 20) == (void *)-1);
    STR(ename(errno));
    limit(RLIMIT_DATA, RLIM_INFINITY);
    map(1UL << 46, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    map(1UL << 45, PROT_NONE, MAP_PRIVATE);
    map(1UL << 45, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE);
    /* Locking, without the privilege. */
    MUST(setresuid(1000, 1000, 1000));
    limit(RLIMIT_MEMLOCK, 16384);
    SHOW(mlock(a, 16384));
    SHOW(mlock(a + 16384, 1));
    SHOW(mlock(a, 16384));
    map(4096, PROT_READ, MAP_PRIVATE | MAP_LOCKED);
    SHOW(munlock(a, 4096));
    SHOW(mlock2(a + 16384, 4096, MLOCK_ONFAULT));
    SHOW(mlock2(a, 4096, 2));
    SHOW(mlock(a + (1 << 20) - 4096, 8192));
    SHOW(madvise(a + 4096, 4096, MADV_DONTNEED));
    SHOW(msync(a + 4096, 4096, MS_INVALIDATE));
    SHOW(mlockall(MCL_CURRENT));
    SHOW(mlockall(MCL_FUTURE));
    map(32768, PROT_READ, MAP_PRIVATE);
    SHOW(munlockall());
    SHOW(mlockall(8));
    SHOW(mlockall(MCL_ONFAULT));
    limit(RLIMIT_MEMLOCK, 0);
    SHOW(mlock(a, 4096));
    /* Other refusals. */
    SHOW(msync(a, 4096, 8));
    SHOW(msync(a, 4096, MS_SYNC | MS_ASYNC));
    SHOW(msync(a + 1, 4096, MS_SYNC));
    SHOW(msync(a, 0, MS_SYNC));
    SHOW(msync(a, 1 << 20, MS_SYNC));
    SHOW(msync(BAD - 8, 4096, MS_SYNC));
    SHOW(madvise(a, 4096, MADV_REMOVE));
    SHOW(madvise(a, 4096, MADV_FREE));
    SHOW(madvise(a, 4096, MADV_COLD));
    SHOW(madvise(a, 4096, MADV_POPULATE_READ));
    SHOW(madvise(ro, 4096, MADV_POPULATE_WRITE));
    SHOW(madvise(a, 4096, MADV_DONTDUMP));
    SHOW(madvise(a, 4096, MADV_DODUMP));
    SHOW(mprotect(a, 4096, 0x100));
    SHOW(mprotect(a + 1, 4096, PROT_READ));
    SHOW(mprotect(a, 0, PROT_READ));
    SHOW(mprotect(a, -4096UL, PROT_READ));
    SHOW(mprotect(BAD - 8, 4096, PROT_READ));
    SHOW(mprotect(a, 4096, PROT_READ | PROT_GROWSDOWN | PROT_GROWSUP));
    SHOW(mprotect(a, 4096, PROT_READ | PROT_GROWSUP));
    put("f", "one page and another");
    int fd = MUST(open("f", O_RDWR));
    MUST(ftruncate(fd, 16384));
    MUST(pwrite(fd, "second", 7, 4096));
    char *s = MUST(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    SHOW(remap_file_pages(s, 4096, 0, 1, 0));
    STR(s);
    SHOW(remap_file_pages(s, 4096, 1, 1, 0));
    SHOW(remap_file_pages(a, 4096, 0, 1, 0));
    SHOW(remap_file_pages(s, 1 << 20, 0, 0, 0));
    SHOW(madvise(s, 4096, MADV_REMOVE));
    VAL(s[0]);
    char b[8] = "";
    MUST(pread(fd, b, 7, 4096));
    VAL(b[0]);
    return 0;
}

#include "t.h"

int main(void) {
    char *a = MUST(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    strcpy(a, "first"), strcpy(a + 4096, "second");
    char *b = MUST(mremap(a, 8192, 40960, MREMAP_MAYMOVE));
    STR(b), STR(b + 4096);
    VAL(b[40959]);
    char *c = mremap(b, 40960, 4096, 0);
    VAL(c == b);
    STR(c);
    char *hole = MUST(mmap(NULL, 16384, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    char *d = mremap(c, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, hole + 4096);
    VAL(d == hole + 4096);
    STR(d);
    VAL(mremap(d, 4096, 8192, 0) == MAP_FAILED);
    STR(ename(errno));
    SHOW((long)mremap(d, 4096, 0, 0));
    SHOW((long)mremap(d + 1, 4096, 4096, 0));
    SHOW((long)mremap(d, 4096, 4096, 64));
    SHOW((long)mremap(d, 4096, 8192, MREMAP_FIXED, hole));
    SHOW((long)mremap(hole, 16384 * 4, 16384 * 8, MREMAP_MAYMOVE));
    SHOW((long)mremap(BAD - 8, 4096, 8192, MREMAP_MAYMOVE));
    SHOW((long)mremap(d, 4096, 1UL << 52, MREMAP_MAYMOVE));
    char *s = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    strcpy(s, "dup");
    char *s2 = mremap(s, 0, 4096, MREMAP_MAYMOVE);
    VAL(s2 != s && s2 != MAP_FAILED);
    s2[0] = 'D';
    STR(s);
    return 0;
}

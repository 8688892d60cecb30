#include "t.h"

int main(void) {
    char *a = MUST(mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    memset(a, 'x', 16384);
    SHOW(madvise(a + 4096, 4096, MADV_DONTNEED));
    printf("%d %d %d\n", a[0], a[4096], a[8192]);
    SHOW(madvise(a, 16384, MADV_WILLNEED));
    SHOW(madvise(a, 16384, MADV_NORMAL));
    SHOW(madvise(a + 1, 4096, MADV_DONTNEED));
    SHOW(madvise(a, 4096, 7777));
    SHOW(madvise(a, 0, MADV_DONTNEED));
    MUST(munmap(a + 8192, 4096));
    SHOW(madvise(a, 16384, MADV_DONTNEED));
    VAL(a[12288]);
    unsigned char v[4];
    a[0] = 1;
    SHOW(mincore(a, 4096, v));
    VAL(v[0] & 1);
    SHOW(mincore(a, 16384, v));
    SHOW(mincore(a + 1, 4096, v));
    SHOW(mincore(a, 4096, BAD));
    SHOW(mlock(a, 4096));
    SHOW(munlock(a, 4096));
    SHOW(mlock(a + 8192, 4096));
    SHOW(mlockall(0));
    SHOW(munlockall());
    strcpy(a, "gone");
    SHOW(madvise(a, 4096, MADV_DONTFORK));
    SHOW(madvise(a, 4096, MADV_DOFORK));
    strcpy(a, "wiped in child");
    SHOW(madvise(a, 4096, MADV_WIPEONFORK));
    if (fork() == 0) {
        VAL(a[0]);
        _exit(0);
    }
    wait(NULL);
    STR(a);
    return 0;
}

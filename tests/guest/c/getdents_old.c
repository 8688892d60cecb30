#include "t.h"
/* The record of before getdents64: the kind of the entry is the record's last byte. */
struct old_dirent {
    unsigned long ino, off;
    unsigned short reclen;
    char name[];
};
static int by_name(const void *a, const void *b) { return strcmp(a, b); }

int main(void) {
    char b[4096], seen[16][40];
    int n, count = 0, reads = 0;
    MUST(mkdir("d", 0755));
    MUST(mkdir("d/sub", 0755));
    put("d/file", "x");
    MUST(symlink("file", "d/link"));
    int d = MUST(open("d", O_RDONLY | O_DIRECTORY));
    while ((n = MUST(syscall(SYS_getdents, d, b, sizeof b))) > 0) {
        reads++;
        for (int i = 0; i < n;) {
            struct old_dirent *e = (void *)(b + i);
            if (e->reclen % 8 || !e->ino) printf("bad record\n");
            snprintf(seen[count++], 40, "%s kind %d", e->name, b[i + e->reclen - 1]);
            i += e->reclen;
        }
    }
    qsort(seen, count, 40, by_name);
    for (int i = 0; i < count; i++) STR(seen[i]);
    VAL(reads);
    SHOW(syscall(SYS_getdents, d, b, sizeof b));
    lseek(d, 0, SEEK_SET);
    SHOW(syscall(SYS_getdents, d, b, 8));
    SHOW(syscall(SYS_getdents, d, BAD, sizeof b));
    SHOW(syscall(SYS_getdents, 99, b, sizeof b));
    int f = MUST(open("d/file", O_RDONLY));
    SHOW(syscall(SYS_getdents, f, b, sizeof b));
    SHOW(syscall(SYS_getdents, open("d", O_PATH), b, sizeof b));
    MUST(mkdir("gone", 0755));
    int g = MUST(open("gone", O_RDONLY));
    MUST(rmdir("gone"));
    SHOW(syscall(SYS_getdents, g, b, sizeof b));
    return 0;
}

// private
#include "t.h"

struct d64 { uint64_t ino; int64_t off; unsigned short len; unsigned char type; char name[]; };
static int by_name(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
int main(void) {
    char b[4096], *names[64];
    int n = 0;
    MUST(mkdir("d", 0755));
    put("d/file", "");
    MUST(mkdir("d/dir", 0755));
    MUST(symlink("x", "d/link"));
    MUST(mkfifo("d/fifo", 0600));
    int fd = MUST(open("d", O_RDONLY | O_DIRECTORY));
    SHOW(syscall(SYS_getdents64, fd, b, 10));
    long got;
    while ((got = syscall(SYS_getdents64, fd, b, 80)) > 0)
        for (long i = 0; i < got;) {
            struct d64 *e = (void *)(b + i);
            asprintf(&names[n++], "%s type %d", e->name, e->type);
            if (e->len % 8) puts("unaligned record");
            i += e->len;
        }
    SHOW(got);
    qsort(names, n, sizeof *names, by_name);
    for (int i = 0; i < n; i++) puts(names[i]);
    SHOW(syscall(SYS_getdents64, fd, b, sizeof b));
    SHOW(lseek(fd, 0, SEEK_SET));
    VAL(syscall(SYS_getdents64, fd, b, sizeof b) > 0);
    SHOW(syscall(SYS_getdents64, 0, b, sizeof b));
    SHOW(syscall(SYS_getdents64, -1, b, sizeof b));
    lseek(fd, 0, SEEK_SET);
    SHOW(syscall(SYS_getdents64, fd, BAD, 4096));
    SHOW(read(fd, b, 10));
    return 0;
}

#include "t.h"
/* /proc/self/pagemap: present or not, of a file or not; and the counts of open files. */

static int fd;
static unsigned long word(void *at) {
    unsigned long w = 0;
    MUST(pread(fd, &w, 8, (long)at / 4096 * 8));
    return w;
}
static void show(const char *what, void *at) {
    unsigned long w = word(at);
    printf("%s: present %d file %d swapped %d\n", what, (int)(w >> 63), (int)(w >> 61 & 1), (int)(w >> 62 & 1));
}
static long count(const char *path) {
    char b[64] = {0};
    int f = MUST(open(path, O_RDONLY));
    MUST(read(f, b, 63)), close(f);
    return atol(b);
}
int main(void) {
    unsigned long w[2];
    fd = MUST(open("/proc/self/pagemap", O_RDONLY));
    char *at = MUST((char *)mmap(NULL, 3 * 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    at[4096] = 1;
    show("untouched", at), show("touched", at + 4096), show("nothing there", NULL);
    MUST(madvise(at, 3 * 4096, MADV_DONTNEED));
    show("emptied", at + 4096);
    put("f", "text");
    int f = MUST(open("f", O_RDWR));
    char *file = MUST((char *)mmap(NULL, 4096, 3, MAP_SHARED, f, 0));
    file[0] = 'T';
    show("file", file);
    show("code", (void *)main);
    SHOW(pread(fd, w, 8, 4)), SHOW(pread(fd, w, 7, 8)), SHOW(pread(fd, w, 0, 8)), SHOW(pread(fd, w, 16, 0)), SHOW(pread(fd, w, 8, 1L << 50)), SHOW(write(fd, w, 8)), SHOW(lseek(fd, 8, SEEK_SET)), SHOW(read(fd, w, 16)), SHOW(lseek(fd, 0, SEEK_CUR));
    VAL(count("/proc/sys/fs/file-nr") > 3), VAL(count("/proc/sys/fs/inode-nr") > 0), VAL(count("/proc/sys/fs/inode-state") > 0), VAL(count("/proc/sys/fs/dentry-state") > 0);
    return 0;
}

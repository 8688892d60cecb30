#include "t.h"

int main(void) {
    int fd = MUST(open("f", O_RDWR | O_CREAT, 0644)), p[2];
    SHOW(fallocate(fd, 0, 0, 100));
    show_mode("f");
    SHOW(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 10000));
    show_mode("f");
    SHOW(fallocate(fd, 0, 50, 0));
    SHOW(fallocate(fd, 0, -1, 10));
    SHOW(fallocate(fd, 0, 0, -10));
    SHOW(fallocate(-1, 0, 0, 10));
    int r = MUST(open("f", O_RDONLY));
    SHOW(fallocate(r, 0, 0, 10));
    MUST(pipe(p));
    SHOW(fallocate(p[1], 0, 0, 10));
    char b[9000];
    memset(b, 'x', sizeof b);
    MUST(pwrite(fd, b, sizeof b, 0));
    SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 100, 10));
    SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 5000));
    MUST(pread(fd, b, sizeof b, 0));
    printf("%d %d %d %d\n", b[99], b[100], b[5099], b[5100]);
    show_mode("f");
    SHOW(posix_fallocate(fd, 0, 20000));
    show_mode("f");
    SHOW(posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED));
    SHOW(posix_fadvise(fd, 0, 0, 77));
    SHOW(posix_fadvise(p[0], 0, 0, POSIX_FADV_NORMAL));
    return 0;
}

#include "t.h"

int main(void) {
    int fd = MUST(open("f", O_RDWR | O_CREAT, 0644)), p[2];
    char b[8];
    MUST(write(fd, "0123456789", 10));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(lseek(fd, -3, SEEK_END));
    SHOW(lseek(fd, -20, SEEK_CUR));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(lseek(fd, 100, SEEK_SET));
    SHOW(read(fd, b, 8));
    SHOW(write(fd, "x", 1));
    show_mode("f");
    SHOW(lseek(fd, 0, 99));
    SHOW(lseek(fd, LONG_MAX, SEEK_END));
    SHOW(lseek(fd, 1000, SEEK_DATA));
    SHOW(lseek(fd, 1000, SEEK_HOLE));
    SHOW(lseek(fd, 0, SEEK_DATA));
    SHOW(lseek(fd, 2, SEEK_HOLE));
    MUST(pipe(p));
    SHOW(lseek(p[0], 0, SEEK_SET));
    SHOW(lseek(-1, 0, SEEK_SET));
    SHOW(pread(p[0], b, 1, 0));
    SHOW(pwrite(p[1], b, 1, 0));
    SHOW(pread(fd, b, 1, -1));
    SHOW(pwrite(fd, b, 1, -1));
    SHOW(pread(fd, b, 4, 8));
    SHOW(lseek(fd, 0, SEEK_CUR));
    return 0;
}

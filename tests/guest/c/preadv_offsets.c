#include "t.h"

int main(void) {
    char x[4] = {0}, y[8] = {0};
    struct iovec v[2] = {{x, 3}, {y, 5}};
    put("f", "0123456789");
    int f = MUST(open("f", O_RDWR));
    SHOW(preadv(f, v, 2, 1));
    printf("%s %s\n", x, y);
    SHOW(pwritev(f, v, 2, 8));
    SHOW(lseek(f, 0, SEEK_CUR));
    show_file("f");
    SHOW(preadv(f, v, 2, -1));
    SHOW(pwritev(f, v, 2, -1));
    SHOW(preadv(f, v, -1, 0));
    SHOW(preadv(f, v, 1025, 0));
    SHOW(preadv(f, v, 0, 0));
    SHOW(preadv(f, BAD, 1, 0));
    SHOW(preadv(f, v, 2, 1000));
    SHOW(preadv2(f, v, 2, -1, 0));
    SHOW(lseek(f, 0, SEEK_CUR));
    SHOW(pwritev2(f, v, 1, -1, RWF_APPEND));
    SHOW(lseek(f, 0, SEEK_CUR));
    SHOW(pwritev2(f, v, 1, 0, 0x8000));
    SHOW(preadv2(f, v, 1, -2, 0));
    struct iovec huge[2] = {{x, 3}, {y, -1}};
    SHOW(preadv(f, huge, 2, 0));
    struct iovec half[2] = {{x, 3}, {BAD, 5}};
    SHOW(preadv(f, half, 2, 0));
    SHOW(pwritev(f, half, 2, 0));
    int fds[2];
    MUST(pipe(fds));
    SHOW(preadv(fds[0], v, 1, 0));
    SHOW(pwritev(fds[1], v, 1, 0));
    SHOW(pread(fds[0], x, 1, 0));
    SHOW(pwrite(f, x, 1, -1));
    SHOW(pread(open(".", O_RDONLY), x, 1, 0));
    SHOW(preadv(open("f", O_WRONLY), v, 1, 0));
    show_file("f");
    return 0;
}

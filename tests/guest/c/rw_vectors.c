#include "t.h"

int main(void) {
    char a[4] = {0}, b[8] = {0};
    struct iovec w[3] = {{"abc", 3}, {"", 0}, {"defgh", 5}}, r[2] = {{a, 3}, {b, 7}};
    int fd = MUST(open("f", O_RDWR | O_CREAT, 0644));
    SHOW(writev(fd, w, 3));
    SHOW(lseek(fd, 0, SEEK_SET));
    SHOW(readv(fd, r, 2));
    STR(a), STR(b);
    SHOW(readv(fd, r, 0));
    SHOW(readv(fd, r, -1));
    SHOW(readv(fd, r, 1025));
    SHOW(writev(fd, BAD, 1));
    struct iovec bad[2] = {{"ok", 2}, {BAD, 5}};
    SHOW(lseek(fd, 0, SEEK_SET));
    SHOW(writev(fd, bad, 2));
    struct iovec neg[2] = {{"ok", 2}, {"x", -1}};
    SHOW(writev(fd, neg, 2));
    SHOW(pwritev(fd, w, 3, 2));
    SHOW(preadv(fd, r, 2, 1));
    STR(a);
    SHOW(preadv(fd, r, 2, -1));
    SHOW(preadv2(fd, r, 2, -1, 0));
    SHOW(pwritev2(fd, w, 1, 0, RWF_APPEND));
    SHOW(pwritev2(fd, w, 1, 0, 0x10000));
    show_file("f");
    SHOW(read(fd, BAD, 5));
    SHOW(write(fd, BAD, 5));
    SHOW(read(fd, BAD, 0));
    SHOW(write(fd, BAD, 0));
    SHOW(read(-1, BAD, 5));
    SHOW(write(99, "x", 1));
    return 0;
}

// private
#include "t.h"

int main(void) {
    SHOW(mknod("f", S_IFREG | 0600, 0));
    SHOW(mknod("f", S_IFREG | 0600, 0));
    SHOW(mknod("p", S_IFIFO | 0600, 0));
    SHOW(mknod("s", S_IFSOCK | 0600, 0));
    SHOW(mknod("d", S_IFDIR | 0600, 0));
    SHOW(mknod("x", 0030000, 0));
    SHOW(mknod("z", 0, 0));
    SHOW(mknod("none/x", S_IFREG, 0));
    SHOW(mknod(BAD, S_IFREG, 0));
    show_mode("f"), show_mode("p"), show_mode("s"), show_mode("z");
    SHOW(open("s", O_RDWR));
    SHOW(open("p", O_WRONLY | O_NONBLOCK));
    int r = OK(open("p", O_RDONLY | O_NONBLOCK));
    int w = OK(open("p", O_WRONLY | O_NONBLOCK));
    char b[4];
    SHOW(read(r, b, 4));
    SHOW(write(w, "abc", 3));
    SHOW(read(r, b, 4));
    close(w);
    SHOW(read(r, b, 4));
    return 0;
}

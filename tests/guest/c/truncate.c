#include "t.h"

int main(void) {
    char b[16] = {0};
    put("f", "0123456789");
    SHOW(truncate("f", 4));
    show_file("f");
    SHOW(truncate("f", 8));
    int fd = MUST(open("f", O_RDWR));
    SHOW(read(fd, b, 16));
    for (int i = 0; i < 8; i++) printf("%d ", b[i]);
    puts("");
    SHOW(ftruncate(fd, 0));
    SHOW(ftruncate(fd, -1));
    SHOW(truncate("f", -1));
    SHOW(truncate("none", 1));
    MUST(mkdir("d", 0755));
    SHOW(truncate("d", 1));
    int r = MUST(open("f", O_RDONLY));
    SHOW(ftruncate(r, 1));
    SHOW(ftruncate(-1, 1));
    int p[2];
    MUST(pipe(p));
    SHOW(ftruncate(p[1], 1));
    SHOW(write(fd, "z", 1));
    show_mode("f");
    SHOW(truncate(BAD, 1));
    return 0;
}

#include "t.h"

int main(void) {
    int fd = MUST(open("f", O_RDWR | O_CREAT, 0644)), e = MUST(eventfd(0, EFD_NONBLOCK)), p[2];
    MUST(pipe(p));
    pid_t c = fork();
    if (c == 0) {
        uint64_t one = 1;
        MUST(write(fd, "child", 5)), MUST(write(e, &one, 8)), MUST(fcntl(p[0], F_SETFL, O_NONBLOCK));
        close(fd);
        _exit(0);
    }
    reap(c);
    SHOW(lseek(fd, 0, SEEK_CUR));
    MUST(write(fd, "+parent", 7));
    show_file("f");
    uint64_t v;
    SHOW(read(e, &v, 8));
    VAL(v);
    VAL((fcntl(p[0], F_GETFL) & O_NONBLOCK) != 0);
    MUST(unlink("f"));
    char b[20] = {0};
    SHOW(pread(fd, b, 12, 0));
    STR(b);
    return 0;
}

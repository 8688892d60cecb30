#include "t.h"

int main(void) {
    off_t at = 3;
    put("a", "0123456789");
    int a = MUST(open("a", O_RDONLY)), b = MUST(open("b", O_RDWR | O_CREAT, 0644));
    SHOW(sendfile(b, a, NULL, 4));
    SHOW(lseek(a, 0, SEEK_CUR));
    SHOW(sendfile(b, a, &at, 2));
    VAL(at);
    SHOW(lseek(a, 0, SEEK_CUR));
    SHOW(sendfile(b, a, NULL, 100));
    SHOW(sendfile(b, a, NULL, 100));
    show_file("b");
    at = 100;
    SHOW(sendfile(b, a, &at, 5));
    at = -1;
    SHOW(sendfile(b, a, &at, 5));
    SHOW(sendfile(b, a, NULL, 0));
    SHOW(sendfile(a, b, NULL, 5));
    SHOW(sendfile(99, a, NULL, 5));
    SHOW(sendfile(b, 99, NULL, 5));
    SHOW(sendfile(b, a, BAD, 5));
    int fds[2];
    MUST(pipe2(fds, O_NONBLOCK));
    SHOW(sendfile(b, fds[0], &at, 1));
    at = 0;
    SHOW(sendfile(fds[1], a, &at, 10));
    char got[20] = {0};
    SHOW(read(fds[0], got, 20));
    STR(got);
    int append = MUST(open("b", O_WRONLY | O_APPEND));
    SHOW(sendfile(append, a, &at, 1));
    return 0;
}

#include "t.h"

int main(void) {
    int fds[2];
    char b[20] = {0};
    struct iovec v[2] = {{"hello ", 6}, {"world", 5}};
    MUST(pipe2(fds, O_NONBLOCK));
    SHOW(vmsplice(fds[1], v, 2, 0));
    SHOW(read(fds[0], b, 20));
    STR(b);
    SHOW(vmsplice(fds[1], v, 0, 0));
    SHOW(vmsplice(fds[1], v, 1025, 0));
    SHOW(vmsplice(fds[1], v, 1, 0x40));
    SHOW(vmsplice(99, v, 1, 0));
    SHOW(vmsplice(1000, v, 1, 0));
    int f = MUST(open("f", O_RDWR | O_CREAT, 0644));
    SHOW(vmsplice(f, v, 1, 0));
    SHOW(vmsplice(fds[1], BAD, 1, 0));
    MUST(write(fds[1], "backward", 8));
    struct iovec in[2] = {{b, 4}, {b + 10, 4}};
    SHOW(vmsplice(fds[0], in, 2, 0));
    printf("%.4s %.4s\n", b, b + 10);
    SHOW(vmsplice(fds[0], in, 2, SPLICE_F_NONBLOCK));
    close(fds[0]);
    signal(SIGPIPE, SIG_IGN);
    SHOW(vmsplice(fds[1], v, 2, 0));
    return 0;
}

// private
#include "t.h"

int main(void) {
    MUST(mkfifo("p", 0600));
    pid_t c = fork();
    if (c == 0) {
        int w = MUST(open("p", O_WRONLY));
        MUST(write(w, "through", 7));
        _exit(0);
    }
    int r = MUST(open("p", O_RDONLY));
    char b[10] = {0};
    SHOW(read(r, b, 9));
    STR(b);
    reap(c);
    SHOW(read(r, b, 9));
    int both = MUST(open("p", O_RDWR));
    SHOW(write(both, "self", 4));
    SHOW(read(both, b, 9));
    struct pollfd f = {r, POLLIN};
    SHOW(poll(&f, 1, 0));
    close(both);
    SHOW(poll(&f, 1, 0));
    VAL(f.revents);
    return 0;
}

#include "t.h"

int main(void) {
    uint64_t v = 5;
    int e = MUST(eventfd(3, EFD_NONBLOCK | EFD_CLOEXEC));
    SHOW(fcntl(e, F_GETFD));
    SHOW(read(e, &v, 8));
    VAL(v);
    SHOW(read(e, &v, 8));
    SHOW(read(e, &v, 4));
    v = 7;
    SHOW(write(e, &v, 8));
    SHOW(write(e, &v, 8));
    SHOW(write(e, &v, 4));
    SHOW(read(e, &v, 20));
    VAL(v);
    v = ~0UL;
    SHOW(write(e, &v, 8));
    v = ~0UL - 1;
    SHOW(write(e, &v, 8));
    v = 1;
    SHOW(write(e, &v, 8));
    struct pollfd f = {e, POLLIN | POLLOUT};
    SHOW(poll(&f, 1, 0));
    VAL(f.revents);
    read(e, &v, 8);
    SHOW(poll(&f, 1, 0));
    VAL(f.revents);
    int s = MUST(eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK));
    for (int i = 0; i < 3; i++) {
        v = 0;
        SHOW(read(s, &v, 8));
        VAL(v);
    }
    SHOW(eventfd(0, 0x100));
    SHOW(lseek(e, 0, SEEK_SET));
    SHOW(read(e, BAD, 8));
    int b = MUST(eventfd(0, 0));
    pid_t c = fork();
    if (c == 0) {
        SHOW(read(b, &v, 8));
        VAL(v);
        _exit(0);
    }
    nap(20);
    v = 9;
    write(b, &v, 8);
    reap(c);
    return 0;
}

#include "t.h"

int main(void) {
    int p[2];
    char b[70000];
    SHOW(pipe(p));
    SHOW(pipe(BAD));
    SHOW(syscall(SYS_pipe2, p, 077));
    SHOW(fcntl(p[1], F_GETPIPE_SZ));
    SHOW(write(p[1], "hello", 5));
    SHOW(ioctl(p[0], FIONREAD, b));
    VAL(*(int *)b);
    SHOW(read(p[0], b, 3));
    SHOW(read(p[0], b, 30));
    SHOW(read(p[1], b, 1));
    SHOW(write(p[0], b, 1));
    MUST(fcntl(p[0], F_SETFL, O_NONBLOCK)), MUST(fcntl(p[1], F_SETFL, O_NONBLOCK));
    SHOW(read(p[0], b, 1));
    SHOW(read(p[0], b, 0));
    memset(b, 'x', sizeof b);
    SHOW(write(p[1], b, sizeof b));
    SHOW(write(p[1], b, 1));
    SHOW(read(p[0], b, 100));
    SHOW(write(p[1], b, 1));
    SHOW(read(p[0], b, 4000));
    SHOW(write(p[1], b, 4097));
    SHOW(write(p[1], b, 4096));
    SHOW(fcntl(p[1], F_SETPIPE_SZ, 4096));
    while (read(p[0], b, sizeof b) > 0);
    SHOW(fcntl(p[1], F_SETPIPE_SZ, 5000));
    SHOW(write(p[1], b, sizeof b));
    close(p[1]);
    SHOW(read(p[0], b, sizeof b));
    SHOW(read(p[0], b, sizeof b));
    pipe(p);
    close(p[0]);
    signal(SIGPIPE, SIG_IGN);
    SHOW(write(p[1], "x", 1));
    SHOW(write(p[1], "x", 0));
    if (fork() == 0) {
        signal(SIGPIPE, SIG_DFL);
        write(p[1], "x", 1);
        _exit(0);
    }
    int s;
    wait(&s);
    show_status(s);
    SHOW(pipe2(p, O_CLOEXEC | O_NONBLOCK));
    SHOW(fcntl(p[0], F_GETFD));
    VAL(fcntl(p[0], F_GETFL) == O_NONBLOCK);
    VAL(fcntl(p[1], F_GETFL) == (O_NONBLOCK | O_WRONLY));
    return 0;
}

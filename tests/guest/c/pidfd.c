#include "t.h"

int main(void) {
    pid_t c = fork();
    if (c == 0) {
        pause();
        _exit(0);
    }
    int p = OK((int)syscall(SYS_pidfd_open, c, 0));
    VAL(fcntl(p, F_GETFD));
    SHOW(syscall(SYS_pidfd_open, 999999, 0));
    SHOW(syscall(SYS_pidfd_open, c, 1));
    SHOW(syscall(SYS_pidfd_open, -1, 0));
    struct pollfd f = {p, POLLIN};
    SHOW(poll(&f, 1, 0));
    SHOW(syscall(SYS_pidfd_send_signal, p, 0, NULL, 0));
    SHOW(syscall(SYS_pidfd_send_signal, p, SIGTERM, NULL, 0));
    SHOW(poll(&f, 1, 5000));
    VAL(f.revents);
    SHOW(syscall(SYS_pidfd_send_signal, 1, SIGTERM, NULL, 0));
    reap(c);
    SHOW(syscall(SYS_pidfd_send_signal, p, SIGTERM, NULL, 0));
    char b;
    SHOW(read(p, &b, 1));
    return 0;
}

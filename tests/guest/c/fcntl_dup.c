#include "t.h"

int main(void) {
    put("f", "abcdef");
    int fd = MUST(open("f", O_RDONLY));
    int d = MUST(dup(fd));
    char c;
    read(fd, &c, 1);
    SHOW(lseek(d, 0, SEEK_CUR));
    SHOW(fcntl(fd, F_DUPFD, 100));
    SHOW(fcntl(fd, F_DUPFD, 100));
    SHOW(fcntl(fd, F_DUPFD_CLOEXEC, 200));
    SHOW(fcntl(200, F_GETFD));
    SHOW(fcntl(100, F_GETFD));
    SHOW(fcntl(100, F_SETFD, FD_CLOEXEC));
    SHOW(fcntl(100, F_GETFD));
    SHOW(dup2(fd, 100));
    SHOW(fcntl(100, F_GETFD));
    SHOW(dup2(fd, fd) == fd);
    SHOW(dup2(99, 99));
    SHOW(dup2(99, 5));
    SHOW(dup2(fd, -1));
    SHOW(dup2(fd, 100000000));
    SHOW(dup3(fd, fd, 0));
    SHOW(dup3(fd, 110, O_CLOEXEC));
    SHOW(fcntl(110, F_GETFD));
    SHOW(dup3(fd, 110, 1));
    SHOW(dup(99));
    SHOW(fcntl(fd, F_DUPFD, -1));
    SHOW(fcntl(fd, F_DUPFD, 1 << 30));
    SHOW(fcntl(fd, 9999, 0));
    SHOW(fcntl(99, F_GETFD));
    SHOW(close(100));
    SHOW(close(100));
    SHOW(close(-1));
    SHOW(syscall(SYS_close_range, 101, 300, 0));
    SHOW(fcntl(101, F_GETFD));
    SHOW(syscall(SYS_close_range, 5, 4, 0));
    SHOW(syscall(SYS_close_range, 3, 10, 4));
    SHOW(fcntl(d, F_GETFD));
    SHOW(syscall(SYS_close_range, 3, ~0U, 1 << 1));
    return 0;
}

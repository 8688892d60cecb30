#include "t.h"

int main(void) {
    put("f", "0123456789");
    int f = MUST(open("f", O_RDONLY | O_CLOEXEC));
    int d = OK(dup(f));
    VAL(fcntl(d, F_GETFD));
    SHOW(lseek(f, 4, SEEK_SET));
    SHOW(lseek(d, 0, SEEK_CUR));
    SHOW(dup2(f, 100));
    SHOW(dup2(f, f));
    VAL(fcntl(f, F_GETFD));
    SHOW(dup3(f, 101, O_CLOEXEC));
    VAL(fcntl(101, F_GETFD));
    SHOW(dup3(f, f, 0));
    SHOW(dup3(f, 102, O_NONBLOCK));
    SHOW(dup3(99, 99, 0));
    SHOW(dup2(99, 99));
    SHOW(dup2(99, 5));
    SHOW(dup2(f, -1));
    struct rlimit r = {200, 200};
    MUST(setrlimit(RLIMIT_NOFILE, &r));
    SHOW(dup2(f, 200));
    SHOW(dup3(f, 200, 0));
    SHOW(fcntl(f, F_DUPFD, 200));
    SHOW(fcntl(f, F_DUPFD, -1));
    SHOW(fcntl(f, F_DUPFD_CLOEXEC, 199));
    SHOW(fcntl(f, F_DUPFD, 199));
    SHOW(fcntl(d, F_SETFL, O_NONBLOCK | O_APPEND));
    VAL(fcntl(f, F_GETFL) & (O_NONBLOCK | O_APPEND));
    SHOW(dup(-1));
    return 0;
}

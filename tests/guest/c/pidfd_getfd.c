#include "t.h"
#define GETFD(p, f, flags) syscall(SYS_pidfd_getfd, p, f, flags)

int main(void) {
    int talk[2];
    char b[20] = {0};
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, talk));
    pid_t child = MUST(fork());
    if (!child) {
        put("theirs", "of the child");
        int f = MUST(open("theirs", O_RDONLY));
        MUST(dup2(f, 70));
        MUST(lseek(70, 3, SEEK_SET));
        write(talk[1], "r", 1);
        read(talk[1], b, 1);
        VAL(lseek(70, 0, SEEK_CUR));
        _exit(0);
    }
    MUST(read(talk[0], b, 1));
    int p = OK((int)syscall(SYS_pidfd_open, child, 0));
    int mine = OK((int)GETFD(p, 70, 0));
    VAL(fcntl(mine, F_GETFD));
    SHOW(read(mine, b, 5));
    STR(b);
    SHOW(GETFD(p, 71, 0));
    SHOW(GETFD(p, 70, 1));
    SHOW(GETFD(99, 70, 0));
    SHOW(GETFD(0, 70, 0));
    SHOW(GETFD(p, -1, 0));
    pid_t other = MUST(fork());
    if (!other) {
        MUST(setuid(1000));
        SHOW(GETFD(p, 70, 0));
        _exit(0);
    }
    reap(other);
    write(talk[0], "g", 1);
    reap(child);
    SHOW(GETFD(p, 70, 0));
    return 0;
}

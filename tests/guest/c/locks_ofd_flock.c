#include "t.h"

int main(void) {
    put("f", "0123456789");
    int a = MUST(open("f", O_RDWR)), b = MUST(open("f", O_RDWR)), d = MUST(dup(a));
    SHOW(flock(a, LOCK_EX));
    SHOW(flock(b, LOCK_EX | LOCK_NB));
    SHOW(flock(d, LOCK_SH | LOCK_NB));
    SHOW(flock(b, LOCK_SH | LOCK_NB));
    SHOW(flock(a, LOCK_EX | LOCK_NB));
    SHOW(flock(b, LOCK_UN));
    SHOW(flock(b, LOCK_UN));
    SHOW(flock(a, 77));
    SHOW(flock(-1, LOCK_SH));
    close(a);
    SHOW(flock(b, LOCK_EX | LOCK_NB));
    close(d);
    SHOW(flock(b, LOCK_EX | LOCK_NB));
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    a = MUST(open("f", O_RDWR));
    SHOW(fcntl(a, F_OFD_SETLK, &l));
    SHOW(fcntl(b, F_OFD_SETLK, &l));
    l.l_pid = 5;
    SHOW(fcntl(b, F_OFD_SETLK, &l));
    l.l_pid = 0;
    SHOW(fcntl(b, F_OFD_GETLK, &l));
    VAL(l.l_type);
    VAL(l.l_pid);
    if (fork() == 0) {
        l = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
        SHOW(fcntl(a, F_OFD_SETLK, &l));
        SHOW(fcntl(a, F_SETLK, &l));
        _exit(0);
    }
    wait(NULL);
    close(a);
    l = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
    SHOW(fcntl(b, F_OFD_SETLK, &l));
    return 0;
}

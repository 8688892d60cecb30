#include "t.h"

static void query(short type, long start, long len) {
    struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
    int fd = MUST(open("f", O_RDWR));
    int r = fcntl(fd, F_GETLK, &l);
    printf("query %d %ld+%ld: %d type %d start %ld len %ld owner %d\n", type, start, len, r, l.l_type,
           (long)l.l_start, (long)l.l_len, l.l_type == F_UNLCK ? 0 : l.l_pid == getppid());
    l = (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
    r = fcntl(fd, F_SETLK, &l);
    printf("  set: %s\n", r ? ename(errno) : "ok");
}
static int set(int fd, int cmd, short type, long start, long len) {
    struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
    return fcntl(fd, cmd, &l);
}
int main(void) {
    put("f", "0123456789");
    int fd = MUST(open("f", O_RDWR)), r = MUST(open("f", O_RDONLY));
    SHOW(set(fd, F_SETLK, F_WRLCK, 0, 10));
    SHOW(set(fd, F_SETLK, F_UNLCK, 4, 2));
    SHOW(set(fd, F_SETLK, F_RDLCK, 20, 0));
    SHOW(set(r, F_SETLK, F_WRLCK, 0, 1));
    SHOW(set(fd, F_SETLK, 77, 0, 1));
    SHOW(set(fd, F_SETLK, F_RDLCK, -1, 1));
    SHOW(set(-1, F_SETLK, F_RDLCK, 0, 1));
    SHOW(fcntl(fd, F_SETLK, BAD));
    if (fork() == 0) {
        query(F_WRLCK, 0, 1);
        query(F_WRLCK, 4, 2);
        query(F_WRLCK, 4, 3);
        query(F_RDLCK, 100, 5);
        query(F_WRLCK, 100, 5);
        _exit(0);
    }
    wait(NULL);
    close(r); /* closing any descriptor of the file drops the process's locks */
    if (fork() == 0) {
        query(F_WRLCK, 0, 0);
        _exit(0);
    }
    wait(NULL);
    MUST(set(fd, F_SETLK, F_WRLCK, 0, 0));
    int p[2];
    MUST(pipe(p));
    pid_t child = fork();
    if (child == 0) {
        write(p[1], "x", 1);
        SHOW(set(fd, F_SETLKW, F_WRLCK, 0, 0));
        _exit(0);
    }
    char c;
    read(p[0], &c, 1);
    nap(30);
    puts("release");
    MUST(set(fd, F_SETLK, F_UNLCK, 0, 0));
    reap(child);
    return 0;
}

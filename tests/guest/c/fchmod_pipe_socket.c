/* Attributes of what has no name: pipes, of which both ends have the same, and sockets. */
#include "t.h"

static void look(const char *what, int fd) {
    struct stat s;
    if (fstat(fd, &s))
        perror("fstat");
    printf("%s: %o %d:%d %ld %ld\n", what, s.st_mode, s.st_uid, s.st_gid, s.st_atime == 1, s.st_mtime == 2);
}

/* The times of a socket are what the memory of its inode had before, until they are set. */
static void look_without_times(const char *what, int fd) {
    struct stat s;
    MUST(fstat(fd, &s));
    printf("%s: %o %d:%d\n", what, s.st_mode, s.st_uid, s.st_gid);
}

int main(void) {
    struct timespec times[2] = {{1, 0}, {2, 0}};
    char name[40];
    struct stat before, after;
    int fds[2], pair[2];
    MUST(pipe(fds));
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    int tcp = socket(AF_INET, SOCK_STREAM, 0);
    MUST(fchmod(fds[0], 0200));
    look("read end", fds[0]);
    look("write end", fds[1]);
    fstat(fds[1], &before);
    MUST(futimens(fds[1], times));
    look("read end", fds[0]);
    fstat(fds[0], &after);
    VAL(after.st_ctime >= before.st_ctime && after.st_ino == before.st_ino && after.st_dev == before.st_dev);
    snprintf(name, sizeof name, "/proc/self/fd/%d", fds[0]);
    SHOW(chmod(name, 0640));
    look("read end", fds[0]);
    MUST(fchmod(pair[0], 04755));
    look_without_times("one", pair[0]);
    look_without_times("the other", pair[1]);
    MUST(fchmod(tcp, 0));
    MUST(futimens(tcp, times));
    look("tcp", tcp);
    SHOW(fchown(tcp, -1, -1));
    SHOW(ftruncate(tcp, 0));
    return 0;
}

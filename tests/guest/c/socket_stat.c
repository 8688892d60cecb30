#include "t.h"
#include <linux/netlink.h>

/* fstat(2) of sockets: what they are and whose. */
static void show(const char *name, int fd) {
    struct stat s, again;
    struct statx x;
    char path[64], link[64], text[64];
    MUST(fstat(fd, &s)), MUST(fstat(fd, &again)), MUST(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &x));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int n = MUST(readlink(path, link, sizeof link - 1));
    link[n] = 0;
    snprintf(text, sizeof text, "socket:[%lu]", (unsigned long)s.st_ino);
    printf("%s: mode %o %o links %d size %d owner %d %d, same %d, named %d\n", name, s.st_mode, x.stx_mode, (int)s.st_nlink,
           (int)s.st_size, s.st_uid, s.st_gid, s.st_ino == again.st_ino, !strcmp(link, text));
    MUST(stat(path, &again));
    printf("  by its name %d\n", again.st_ino == s.st_ino && again.st_mode == s.st_mode && again.st_dev == s.st_dev);
}
int main(void) {
    MUST(setresgid(-1, 7, -1)), MUST(setresuid(-1, 1000, -1));
    int l = MUST(socket(AF_INET, SOCK_STREAM, 0)), c = MUST(socket(AF_INET, SOCK_STREAM, 0)), pair[2];
    show("tcp", l);
    show("tcp6", MUST(socket(AF_INET6, SOCK_STREAM, 0)));
    show("udp", MUST(socket(AF_INET, SOCK_DGRAM, 0)));
    show("netlink", MUST(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)));
    show("unix", MUST(socket(AF_UNIX, SOCK_DGRAM, 0)));
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    show("pair", pair[1]);
    int p[2];
    MUST(pipe(p));
    struct stat one, two;
    MUST(fstat(p[0], &one));
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", p[1]);
    MUST(stat(path, &two));
    printf("a pipe's ends are one file: %d\n", one.st_dev == two.st_dev && one.st_ino == two.st_ino);
    struct sockaddr_in a = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof a;
    MUST(bind(l, (void *)&a, size)), MUST(listen(l, 1)), MUST(getsockname(l, (void *)&a, &size));
    MUST(connect(c, (void *)&a, size));
    MUST(setresuid(-1, 0, -1));
    show("accepted", MUST(accept(l, NULL, NULL)));
    return 0;
}

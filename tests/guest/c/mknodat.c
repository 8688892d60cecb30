// private
#include "t.h"
#include <sys/sysmacros.h>

int main(void) {
    umask(022);
    MUST(mkdir("d", 0755));
    int d = MUST(open("d", O_RDONLY | O_DIRECTORY));
    SHOW(syscall(SYS_mknodat, d, "fifo", S_IFIFO | 0666, 0));
    SHOW(syscall(SYS_mknodat, d, "plain", 0640, 0));
    SHOW(syscall(SYS_mknodat, d, "socket", S_IFSOCK | 0777, 0));
    SHOW(syscall(SYS_mknodat, d, "dir", S_IFDIR | 0777, 0));
    SHOW(syscall(SYS_mknodat, d, "link", S_IFLNK | 0777, 0));
    SHOW(syscall(SYS_mknodat, d, "odd", 0170000, 0));
    SHOW(syscall(SYS_mknodat, d, "plain", S_IFREG | 0666, 0));
    SHOW(syscall(SYS_mknodat, d, "no/x", S_IFREG | 0666, 0));
    SHOW(syscall(SYS_mknodat, d, "", S_IFREG | 0666, 0));
    SHOW(syscall(SYS_mknodat, 99, "x", S_IFREG | 0666, 0));
    SHOW(syscall(SYS_mknodat, d, BAD, S_IFREG | 0666, 0));
    SHOW(syscall(SYS_mknodat, d, "slash/", S_IFREG | 0666, 0));
    SHOW(syscall(SYS_mknodat, open("d/plain", O_RDONLY), "x", S_IFREG | 0666, 0));
    SHOW(syscall(SYS_mknodat, AT_FDCWD, "here", S_IFREG | 04777, 0));
    const char *names[] = {"d/fifo", "d/plain", "d/socket", "here"};
    for (int i = 0; i < 4; i++) show_mode(names[i]);
    SHOW(open("d/socket", O_RDONLY));
    SHOW(open("d/fifo", O_WRONLY | O_NONBLOCK));
    pid_t p = MUST(fork());
    if (!p) {
        MUST(fchmod(d, 0777));
        MUST(setuid(1000));
        SHOW(syscall(SYS_mknodat, d, "dev", S_IFCHR | 0666, makedev(1, 3)));
        SHOW(syscall(SYS_mknodat, d, "fifo2", S_IFIFO | 0666, 0));
        _exit(0);
    }
    reap(p);
    return 0;
}

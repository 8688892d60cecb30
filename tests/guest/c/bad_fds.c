#include "t.h"

int main(void) {
    char b[64];
    struct stat s;
    struct iovec v = {b, 1};
    for (int k = 0; k < 2; k++) {
        int fd = k ? 1 << 20 : -1;
        SHOW(read(fd, b, 1)), SHOW(write(fd, b, 1)), SHOW(pread(fd, b, 1, 0)), SHOW(readv(fd, &v, 1)), SHOW(lseek(fd, 0, 0)), SHOW(fstat(fd, &s));
        SHOW(fsync(fd)), SHOW(fdatasync(fd)), SHOW(ftruncate(fd, 0)), SHOW(fallocate(fd, 0, 0, 1)), SHOW(fchmod(fd, 0)), SHOW(fchown(fd, 0, 0)), SHOW(flock(fd, LOCK_SH));
        SHOW(dup(fd)), SHOW(dup2(fd, 5)), SHOW(fcntl(fd, F_GETFL)), SHOW(ioctl(fd, FIONREAD, b)), SHOW(fchdir(fd)), SHOW(openat(fd, "x", 0)), SHOW(mkdirat(fd, "x", 0));
        SHOW(unlinkat(fd, "x", 0)), SHOW(renameat(fd, "x", 0, "y")), SHOW(linkat(fd, "x", 0, "y", 0)), SHOW(symlinkat("x", fd, "y")), SHOW(readlinkat(fd, "x", b, 1));
        SHOW(fchmodat(fd, "x", 0, 0)), SHOW(fchownat(fd, "x", 0, 0, 0)), SHOW(faccessat(fd, "x", 0, 0)), SHOW(utimensat(fd, "x", NULL, 0)), SHOW(fstatat(fd, "x", &s, 0));
        SHOW(splice(fd, 0, 0, 0, 1, 0)), SHOW(tee(fd, 0, 1, 0)), SHOW(sendfile(fd, 0, 0, 1)), SHOW(copy_file_range(fd, 0, 0, 0, 1, 0)), SHOW(posix_fadvise(fd, 0, 0, 0)), SHOW(syncfs(fd));
        SHOW(readahead(fd, 0, 1)), SHOW(sync_file_range(fd, 0, 1, 0)), SHOW(fgetxattr(fd, "user.a", b, 1)), SHOW(epoll_ctl(fd, 1, 0, 0)), SHOW(inotify_rm_watch(fd, 1)), SHOW(timerfd_gettime(fd, (void *)b));
        SHOW((long)mmap(0, 4096, PROT_READ, MAP_PRIVATE, fd, 0)), SHOW(connect(fd, (void *)b, 16)), SHOW(getsockopt(fd, 1, 2, b, (void *)b)), SHOW(shutdown(fd, 0));
    }
    int o = MUST(open(".", O_PATH));
    SHOW(read(o, b, 1)), SHOW(fchmod(o, 0)), SHOW(fsync(o)), SHOW(ioctl(o, FIONREAD, b)), SHOW(fstat(o, &s)), SHOW(fcntl(o, F_GETFD)), SHOW(fchdir(o));
    SHOW(syscall(SYS_getdents64, o, b, 64)), SHOW(flock(o, LOCK_SH)), SHOW((long)mmap(0, 4096, PROT_READ, MAP_PRIVATE, o, 0)), SHOW(fcntl(o, F_SETFL, 0));
    return 0;
}

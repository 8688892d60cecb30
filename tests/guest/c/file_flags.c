// private admin
#include "t.h"
#include <linux/fs.h>
/* chattr's flags: immutable and append-only files and directories. */

enum { SEEN = FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL };
static int set(const char *path, int flags) {
    int fd = open(path, O_RDONLY), old = 0;
    ioctl(fd, FS_IOC_GETFLAGS, &old);
    flags |= old & ~SEEN;
    int r = ioctl(fd, FS_IOC_SETFLAGS, &flags), e = errno;
    close(fd);
    errno = e;
    return r;
}
static int get(const char *path) {
    int fd = open(path, O_RDONLY), flags = -1, r = ioctl(fd, FS_IOC_GETFLAGS, &flags);
    close(fd);
    return r ? r : flags & SEEN;
}
static int ext(const char *path) {
    struct fsxattr x = {.fsx_xflags = -1};
    int fd = open(path, O_RDONLY), r = ioctl(fd, FS_IOC_FSGETXATTR, &x);
    close(fd);
    return r ? r : x.fsx_xflags & 0xd8;
}
static long attributes(const char *path) {
    struct statx s;
    MUST(statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &s));
    return s.stx_attributes & s.stx_attributes_mask & 0x70;
}
static int opened(const char *path, int flags) {
    int fd = open(path, flags, 0644), e = errno;
    if (fd >= 0) close(fd), fd = 0;
    errno = e;
    return fd;
}
static void everything(const char *what, const char *f) {
    char in[64];
    printf("-- %s\n", what);
    SHOW(opened(f, O_RDONLY)), SHOW(opened(f, O_WRONLY)), SHOW(opened(f, O_WRONLY | O_APPEND)), SHOW(opened(f, O_RDONLY | O_TRUNC)), SHOW(opened(f, O_RDWR | O_APPEND | O_TRUNC));
    SHOW(access(f, W_OK)), SHOW(access(f, R_OK)), SHOW(chmod(f, 0644)), SHOW(chown(f, 0, 0)), SHOW(utimes(f, NULL)), SHOW(utimensat(AT_FDCWD, f, (struct timespec[]){{1, 0}, {1, 0}}, 0)), SHOW(truncate(f, 1));
    SHOW(setxattr(f, "user.a", "v", 1, 0)), SHOW(removexattr(f, "user.none")), SHOW(getxattr(f, "user.a", in, 9));
    SHOW(link(f, "other")), SHOW(rename(f, "other")), SHOW(rename("spare", f)), SHOW(unlink(f));
    unlink("other");
}
int main(void) {
    put("f", "text"), put("spare", "x"), MUST(mkdir("d", 0755)), put("d/in", "x"), MUST(setxattr("f", "user.a", "v", 1, 0));
    SHOW(get("f")), SHOW(get("d"));
    SHOW(set("f", FS_NODUMP_FL)), SHOW(get("f")), SHOW(ext("f")), VAL(attributes("f"));
    SHOW(set("f", FS_NOATIME_FL)), SHOW(get("f")), SHOW(ext("f"));
    int before = MUST(open("f", O_RDWR)), end = MUST(open("f", O_RDWR | O_APPEND));
    SHOW(set("f", FS_IMMUTABLE_FL)), SHOW(get("f")), SHOW(ext("f")), VAL(attributes("f"));
    everything("immutable", "f");
    SHOW(fallocate(before, 0, 0, 10)), SHOW(fchmod(before, 0600)), SHOW(fcntl(before, F_SETFL, O_APPEND)), SHOW(fcntl(before, F_SETFL, 0));
    SHOW(set("f", FS_APPEND_FL)), VAL(attributes("f"));
    everything("append-only", "f");
    SHOW(fcntl(end, F_SETFL, 0)), SHOW(ftruncate(end, 0)), SHOW(write(end, "!", 1)), SHOW(fallocate(end, 0, 0, 10)), SHOW(fallocate(end, 3, 0, 1)), SHOW((long)mmap(NULL, 4096, 3, MAP_SHARED, end, 0)), SHOW(mmap(NULL, 4096, 3, MAP_PRIVATE, end, 0) == MAP_FAILED);
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        setgroups(0, NULL), setgid(7), setuid(7);
        SHOW(set("f", 0)), SHOW(get("f"));
        _exit(0);
    }
    reap(pid);
    SHOW(set("f", 0));
    SHOW(set("d", FS_IMMUTABLE_FL));
    SHOW(opened("d/new", O_CREAT | O_RDWR)), SHOW(opened("d/in", O_RDWR)), SHOW(unlink("d/in")), SHOW(mkdir("d/x", 0755)), SHOW(rename("d/in", "d/out")), SHOW(rename("f", "d/f")), SHOW(rmdir("d")), SHOW(symlink("x", "d/l")), SHOW(opened("d", O_TMPFILE | O_RDWR));
    SHOW(set("d", FS_APPEND_FL));
    SHOW(opened("d/new", O_CREAT | O_RDWR)), SHOW(opened("d/in", O_RDWR)), SHOW(unlink("d/in")), SHOW(rename("d/in", "d/out")), SHOW(rename("f", "d/f")), SHOW(rmdir("d"));
    SHOW(set("d", 0));
    int fd = MUST(open("/dev/null", O_RDWR)), flags, none = MUST(open("f", O_PATH));
    SHOW(ioctl(none, FS_IOC_GETFLAGS, &flags));
    fd = MUST(open("/proc/self/comm", O_RDONLY));
    SHOW(ioctl(fd, FS_IOC_GETFLAGS, &flags)), SHOW(ioctl(before, FS_IOC_GETFLAGS, BAD)), SHOW(ioctl(before, FS_IOC_SETFLAGS, BAD)), SHOW(ioctl(before, FS_IOC_FSGETXATTR, BAD));
    return 0;
}

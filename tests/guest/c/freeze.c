// FIFREEZE and FITHAW of file systems that cannot be frozen (fs/ioctl.c: ioctl_fsfreeze, ioctl_fsthaw).
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

static void both(const char *path) {
    int fd = open(path, O_RDONLY);
    printf("%s: %d", path, ioctl(fd, FIFREEZE, 0));
    printf(" %s,", strerror(errno));
    printf(" %d", ioctl(fd, FITHAW, 0));
    printf(" %s\n", strerror(errno));
    close(fd);
}

int main(void) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
        return puts("unshare"), 1;
    both("/proc");
    both("/dev/null");
    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
    mount("none", "/mnt", "tmpfs", 0, NULL);
    both("/mnt");
    close(open("/mnt/f", O_CREAT | O_WRONLY, 0600));
    both("/mnt/f");
    return 0;
}

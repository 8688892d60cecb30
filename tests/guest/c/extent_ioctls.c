/* private - ioctls about extents, blocks and flags of files in memory; F_GETOWNER_UIDS. */
#include "t.h"
#include <linux/fiemap.h>
#include <linux/fs.h>

#ifndef F_GETOWNER_UIDS
#define F_GETOWNER_UIDS 17
#endif

int main(void) {
    char dir[] = "/dev/shm/extents.XXXXXX", buf[8192] = "";
    MUST((long)mkdtemp(dir)), MUST(chdir(dir));
    int f = MUST(open("f", O_RDWR | O_CREAT, 0644)), r = MUST(open("f", O_RDONLY)), w = MUST(open("f", O_WRONLY)), p[2];
    int a = MUST(open("f", O_WRONLY | O_APPEND)), d = MUST(open(".", O_RDONLY)), e = eventfd(0, 0), path = open("f", O_PATH), other = open("/proc/self/stat", O_RDONLY);
    MUST(pipe(p));
    int from[] = {f, r, w, d, e, p[0], path, other, 999}, to[] = {f, r, w, a, d, p[1]};
    for (int i = 0; i < 9; i++)
        for (int k = 0; k < 6; k++) {
            struct file_clone_range c = {.src_fd = from[i]};
            int first = ioctl(to[k], FICLONE, from[i]) ? errno : 0;
            printf("clone %d to %d: %s %s\n", i, k, ename(first), ioctl(to[k], FICLONERANGE, &c) ? ename(errno) : "ok");
        }
    struct file_dedupe_range *q = (void *)buf;
    for (int k = 0; k < 6; k++) {
        memset(buf, 0, sizeof buf);
        SHOW(ioctl(to[k], FIDEDUPERANGE, q)), q->reserved1 = 1, SHOW(ioctl(to[k], FIDEDUPERANGE, q));
        q->dest_count = 200, SHOW(ioctl(to[k], FIDEDUPERANGE, q));
        SHOW(ioctl(to[k], FS_IOC_FIEMAP, buf)), SHOW(ioctl(to[k], FS_IOC_FIEMAP, BAD)), SHOW(ioctl(to[k], FICLONERANGE, BAD)), SHOW(ioctl(to[k], FIDEDUPERANGE, BAD));
    }
    int n = 0;
    SHOW(ioctl(p[0], FIGETBSZ, &n)), VAL(n), SHOW(ioctl(e, FIGETBSZ, &n)), VAL(n), SHOW(ioctl(p[0], FIBMAP, &n)), SHOW(ioctl(d, FIBMAP, &n));
    struct fsxattr x = {0};
    SHOW(ioctl(f, FS_IOC_FSSETXATTR, &x)), x.fsx_xflags = FS_XFLAG_NODUMP, SHOW(ioctl(f, FS_IOC_FSSETXATTR, &x)), SHOW(ioctl(f, FS_IOC_GETFLAGS, &n));
    printf("%x\n", n), SHOW(ioctl(f, FS_IOC_FSGETXATTR, &x)), printf("%x\n", x.fsx_xflags);
    x.fsx_projid = 1, SHOW(ioctl(f, FS_IOC_FSSETXATTR, &x)), x.fsx_projid = 0, x.fsx_extsize = 4096, SHOW(ioctl(f, FS_IOC_FSSETXATTR, &x));
    x.fsx_extsize = 0, x.fsx_xflags = FS_XFLAG_SYNC, SHOW(ioctl(f, FS_IOC_FSSETXATTR, &x)), x.fsx_xflags = 0, SHOW(ioctl(f, FS_IOC_FSSETXATTR, &x));
    SHOW(ioctl(f, FS_IOC_GETFLAGS, &n)), printf("%x\n", n), SHOW(ioctl(f, FS_IOC_FSSETXATTR, BAD));
    unsigned u[2] = {7, 7};
    SHOW(fcntl(p[0], F_GETOWNER_UIDS, u)), printf("%u %u\n", u[0], u[1]);
    MUST(fcntl(p[0], F_SETOWN, getpid())), SHOW(fcntl(p[0], F_GETOWNER_UIDS, u)), printf("%u %u\n", u[0], u[1]);
    SHOW(fcntl(p[0], F_GETOWNER_UIDS, BAD)), SHOW(fcntl(path, F_GETOWNER_UIDS, u));
    MUST(setresuid(12, 34, 0)), MUST(fcntl(p[0], F_SETOWN, getpid())), SHOW(fcntl(p[0], F_GETOWNER_UIDS, u)), printf("%u %u\n", u[0], u[1]);
    MUST(setresuid(0, 0, 0));
    unlink("f"), chdir("/"), rmdir(dir);
    return 0;
}

#include "t.h"

#define SC(...) syscall(__VA_ARGS__)
#define S(c) SHOW(SC c)
int main(void) {
    int fd = MUST(open("f", O_RDWR | O_CREAT, 0644));
    write(fd, "0123456789", 10), lseek(fd, 0, SEEK_SET);
    S((SYS_read, fd, 8, 5)), S((SYS_write, fd, 8, 5)), S((SYS_pread64, fd, 8, 5, 0)), S((SYS_pwrite64, fd, 8, 5, 0));
    S((SYS_readv, fd, 8, 1)), S((SYS_writev, fd, 8, 1)), S((SYS_open, 8, 0, 0)), S((SYS_openat, AT_FDCWD, 8, 0, 0));
    S((SYS_openat2, AT_FDCWD, "f", 8, 24)), S((SYS_stat, 8, 8)), S((SYS_stat, "f", 8)), S((SYS_lstat, 8, 8)), S((SYS_fstat, fd, 8));
    S((SYS_newfstatat, AT_FDCWD, "f", 8, 0)), S((SYS_statx, AT_FDCWD, "f", 0, 0x7ff, 8)), S((SYS_access, 8, 0));
    S((SYS_mkdir, 8, 0)), S((SYS_rmdir, 8)), S((SYS_unlink, 8)), S((SYS_rename, 8, "x")), S((SYS_rename, "f", 8));
    S((SYS_link, 8, "x")), S((SYS_link, "f", 8)), S((SYS_symlink, 8, "x")), S((SYS_symlink, "f", 8)), S((SYS_readlink, 8, 8, 5));
    S((SYS_chmod, 8, 0)), S((SYS_chown, 8, 0, 0)), S((SYS_lchown, 8, 0, 0)), S((SYS_truncate, 8, 0)), S((SYS_chdir, 8)), S((SYS_chroot, 8));
    S((SYS_getcwd, 8, 4096)), S((SYS_mknod, 8, S_IFREG, 0)), S((SYS_utime, 8, 0)), S((SYS_utimensat, AT_FDCWD, "f", 8, 0));
    S((SYS_statfs, 8, 8)), S((SYS_statfs, "f", 8)), S((SYS_fstatfs, fd, 8)), S((SYS_getdents64, fd, 8, 100));
    S((SYS_setxattr, "f", 8, "v", 1, 0)), S((SYS_getxattr, "f", 8, 8, 5)), S((SYS_pipe, 8)), S((SYS_pipe2, 8, 0));
    S((SYS_sendfile, fd, fd, 8, 5)), S((SYS_poll, 8, 1, 0)), S((SYS_select, 4, 8, 0, 0, 0)), S((SYS_ppoll, 8, 1, 0, 0, 8));
    S((SYS_fcntl, fd, F_GETLK, 8)), S((SYS_fcntl, fd, F_SETLK, 8)), S((SYS_inotify_add_watch, 0, 8, 1)), S((SYS_copy_file_range, fd, 8, fd, 0, 1, 0));
    S((SYS_memfd_create, 8, 0));
    lseek(fd, 0, SEEK_CUR);
    return 0;
}

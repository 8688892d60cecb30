// private
#include "t.h"
#include "container_caps.h"
/* Every call that takes a descriptor, at every kind of descriptor: one line a call. Files are opened anew for each. What
   Linux itself answers differently by its version and file system is left out. */

static struct sockaddr_un nobody = {AF_UNIX, "nobody"};
static int pipe_end(int k) {
    int p[2];
    MUST(pipe2(p, O_NONBLOCK));
    close(p[!k]);
    return p[k];
}
static int pair(int type) {
    int p[2];
    MUST(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, p));
    MUST(dup2(p[1], 900)), close(p[1]);
    return p[0];
}
static int sealed(void) {
    int m = MUST(memfd_create("m", MFD_ALLOW_SEALING));
    MUST(write(m, "1234", 4)), MUST(fcntl(m, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK));
    return m;
}
static int usual(int fd) {
    sigset_t s;
    sigemptyset(&s), sigaddset(&s, SIGUSR1);
    return fd == 0 ? signalfd(-1, &s, SFD_NONBLOCK) : fd;
}
static const char *const KINDS[] = {"closed", "file", "ro", "wo", "append", "path", "dir", "dirpath", "linkpath", "rpipe", "wpipe", "fifo", "stream", "dgram", "tcp",
                                    "udp", "event", "epoll", "timer", "signal", "inotify", "memfd", "sealed", "null", "zero", "proc", "procdir", "mq", "ptmx"};
static int make(int k) {
    switch (k) {
    case 0: return 999;
    case 1: return open("file", O_RDWR);
    case 2: return open("file", O_RDONLY);
    case 3: return open("file", O_WRONLY);
    case 4: return open("file", O_RDWR | O_APPEND);
    case 5: return open("file", O_PATH);
    case 6: return open("dir", O_RDONLY);
    case 7: return open("dir", O_PATH);
    case 8: return open("link", O_PATH | O_NOFOLLOW);
    case 9: return pipe_end(0);
    case 10: return pipe_end(1);
    case 11: return open("fifo", O_RDWR | O_NONBLOCK);
    case 12: return pair(SOCK_STREAM);
    case 13: return pair(SOCK_DGRAM);
    case 14: return socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    case 15: return socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    case 16: return eventfd(0, EFD_NONBLOCK);
    case 17: return epoll_create1(0);
    case 18: return timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    case 19: return usual(0);
    case 20: return inotify_init1(IN_NONBLOCK);
    case 21: return memfd_create("m", 0);
    case 22: return sealed();
    case 23: return open("/dev/null", O_RDWR);
    case 24: return open("/dev/zero", O_RDWR);
    case 25: return open("/proc/self/comm", O_RDWR);
    case 26: return open("/proc/self", O_RDONLY);
    case 27: return mq_open("/matrix_fds", O_RDWR | O_CREAT | O_NONBLOCK, 0600, NULL);
    default: return open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
    }
}
enum { N = sizeof KINDS / sizeof *KINDS };
static char buf[8192];
static struct iovec one = {buf, 1}, none = {buf, 0}, bad = {BAD, 1}, huge = {buf, -1}, two[2] = {{buf, 1}, {BAD, 1}};
static struct msghdr msg = {.msg_iov = &one, .msg_iovlen = 1};
static struct stat st;
static struct statfs sf;
static struct epoll_event event = {EPOLLIN};
static struct itimerspec timer;
static struct mq_attr attributes;
static struct flock whole = {F_WRLCK}, shared = {F_RDLCK}, odd = {9}, before = {F_WRLCK, SEEK_SET, -5, 2};
static long off;
static int zero, minus = -1;

/* Rows by the beginning of their name, and the kinds that they leave out. */
static const char *const LEFT_OUT[][2] = {
    {"fch", " event epoll timer signal inotify null zero proc procdir ptmx "}, /* devices are everybody's */
    {"utimensat", " event epoll timer signal inotify null zero proc procdir ptmx "},
    {"preadv2_nowait", " file ro append fifo memfd sealed "}, /* tmpfs has no such reads */
    {"pwritev2_nowait", " file wo append memfd sealed "},
    {"lseek_end", " dir "}, /* tmpfs knows no end of a directory */
    {"pwrite", " proc "},
    {"write_bad", " tcp udp sealed "},
    {"writev_bad", " tcp udp sealed event "},
    {"mkdirat", " procdir "},
    {"mmap", " tcp "},
    {"ioctl_odd", " epoll "},
    {"fionread", " epoll "},
    {"tc", " epoll "},
    {"tioc", " epoll "},
    {"setlease", " memfd sealed proc mq ptmx "},
    {"addseals", " file wo append "},
    {"splice", " null "},
    {"sendfile", " null "},
    {"fsetxattr", " procdir "},
    {"fremovexattr", " procdir "},
};
static int left_out(const char *row, const char *kind) {
    char word[20];
    sprintf(word, " %s ", kind);
    for (unsigned k = 0; k < sizeof LEFT_OUT / sizeof *LEFT_OUT; k++)
        if (!strncmp(row, LEFT_OUT[k][0], strlen(LEFT_OUT[k][0])) && strstr(LEFT_OUT[k][1], word)) return 1;
    return 0;
}
static int mapped(void *at) {
    if (at == MAP_FAILED) return -1;
    return munmap(at, 4096);
}
#define ROW(row, call)                                                                      \
    printf("%s:", #row);                                                                    \
    for (int k = 0; k < N; k++) {                                                           \
        if (left_out(#row, KINDS[k])) continue;                                             \
        put("file", "text");                                                                \
        int fd = make(k);                                                                   \
        MUST(fd);                                                                           \
        errno = 0, off = 0;                                                                 \
        fflush(stdout);                                                                     \
        long r = (long)(call);                                                              \
        if (r == -1) printf(" %s=%s", KINDS[k], ename(errno));                              \
        else printf(" %s=%ld", KINDS[k], r < 0 || r > 4096 ? 99 : r);                                  \
        close(fd), close(900);                                                              \
    }                                                                                       \
    puts("")

int main(void) {
    as_in_container();
    signal(SIGPIPE, SIG_IGN), signal(SIGIO, SIG_IGN);
    MUST(mkdir("dir", 0755)), MUST(symlink("file", "link")), MUST(mkfifo("fifo", 0644));
    put("dir/in", "x");
    int home = MUST(open(".", O_RDONLY)), other = MUST(open("other", O_RDWR | O_CREAT, 0644)), ep = MUST(epoll_create1(0)), watch = MUST(inotify_init());
    int full[2];
    MUST(pipe2(full, O_NONBLOCK));
    ROW(read, read(fd, buf, 8));
    ROW(read_0, read(fd, buf, 0));
    ROW(read_0_bad, read(fd, BAD, 0));
    ROW(read_bad, read(fd, BAD, 8));
    ROW(read_kernel, read(fd, (void *)-4096L, 8));
    ROW(read_huge, read(fd, buf, -1));
    ROW(write, write(fd, "12345678", 8));
    ROW(write_0, write(fd, "", 0));
    ROW(write_bad, write(fd, BAD, 8));
    ROW(write_huge, write(fd, buf, -1));
    ROW(pread, pread(fd, buf, 8, 0));
    ROW(pread_negative, pread(fd, buf, 8, -1));
    ROW(pread_0, pread(fd, buf, 0, 0));
    ROW(pread_bad, pread(fd, BAD, 8, 0));
    ROW(pread_end, pread(fd, buf, 8, LONG_MAX));
    ROW(pwrite, pwrite(fd, "12345678", 8, 0));
    ROW(pwrite_negative, pwrite(fd, "x", 1, -1));
    ROW(pwrite_end, pwrite(fd, "x", 1, LONG_MAX));
    ROW(readv, readv(fd, &one, 1));
    ROW(readv_0, readv(fd, &one, 0));
    ROW(readv_none, readv(fd, &none, 1));
    ROW(readv_bad, readv(fd, &bad, 1));
    ROW(readv_many, readv(fd, BAD, 1025));
    ROW(readv_huge, readv(fd, &huge, 1));
    ROW(readv_negative, readv(fd, &one, -1));
    ROW(readv_two, readv(fd, two, 2));
    ROW(writev, writev(fd, &one, 1));
    ROW(writev_0, writev(fd, &one, 0));
    ROW(writev_none, writev(fd, &none, 1));
    ROW(writev_bad, writev(fd, &bad, 1));
    ROW(writev_badv, writev(fd, BAD, 1));
    ROW(writev_huge, writev(fd, &huge, 1));
    ROW(preadv, preadv(fd, &one, 1, 0));
    ROW(preadv_negative, preadv(fd, &one, 1, -1));
    ROW(pwritev, pwritev(fd, &one, 1, 0));
    ROW(pwritev_0, pwritev(fd, &one, 0, 0));
    ROW(preadv2, preadv2(fd, &one, 1, -1, 0));
    ROW(preadv2_nowait, preadv2(fd, &one, 1, -1, RWF_NOWAIT));
    ROW(preadv2_hipri, preadv2(fd, &one, 1, 0, RWF_HIPRI));
    ROW(preadv2_odd, preadv2(fd, &one, 1, 0, 1 << 20));
    ROW(preadv2_append, preadv2(fd, &one, 1, 0, RWF_APPEND));
    ROW(pwritev2_append, pwritev2(fd, &one, 1, 0, RWF_APPEND));
    ROW(pwritev2_sync, pwritev2(fd, &one, 1, 0, RWF_SYNC));
    ROW(pwritev2_noappend, pwritev2(fd, &one, 1, 0, 0x20));
    ROW(pwritev2_both, pwritev2(fd, &one, 1, 0, 0x30));
    ROW(pwritev2_nowait, pwritev2(fd, &one, 1, 0, RWF_NOWAIT));
    ROW(lseek, lseek(fd, 2, SEEK_SET));
    ROW(lseek_end, lseek(fd, 0, SEEK_END) < 0);
    ROW(lseek_negative, lseek(fd, -1, SEEK_SET));
    ROW(lseek_odd, lseek(fd, 0, 9));
    ROW(fstat_bad, syscall(SYS_fstat, fd, BAD));
    ROW(fstat, fstat(fd, &st));
    ROW(fstatat, fstatat(fd, "", &st, AT_EMPTY_PATH));
    ROW(fstatat_x, fstatat(fd, "x", &st, 0));
    ROW(fstatat_odd, fstatat(fd, "", &st, 1 << 30));
    ROW(fstatfs, fstatfs(fd, &sf));
    ROW(statx, syscall(SYS_statx, fd, "", AT_EMPTY_PATH, 0xfff, buf));
    ROW(statx_null, syscall(SYS_statx, fd, NULL, AT_EMPTY_PATH, 0xfff, buf));
    ROW(statx_mask, syscall(SYS_statx, fd, "", AT_EMPTY_PATH, 1U << 31, buf));
    ROW(statx_sync, syscall(SYS_statx, fd, "", AT_EMPTY_PATH | 0x6000, 0xfff, buf));
    ROW(fsync, fsync(fd));
    ROW(fdatasync, fdatasync(fd));
    ROW(syncfs, syncfs(fd));
    ROW(sync_range, sync_file_range(fd, 0, 0, 0));
    ROW(sync_range_odd, sync_file_range(fd, 0, 0, 64));
    ROW(sync_range_negative, sync_file_range(fd, -1, 0, 2));
    ROW(ftruncate, ftruncate(fd, 1));
    ROW(ftruncate_grow, ftruncate(fd, 10000));
    ROW(ftruncate_negative, ftruncate(fd, -1));
    ROW(fallocate, fallocate(fd, 0, 0, 10));
    ROW(fallocate_0, fallocate(fd, 0, 0, 0));
    ROW(fallocate_negative, fallocate(fd, 0, -1, 1));
    ROW(fallocate_punch, fallocate(fd, 3, 0, 1));
    ROW(fallocate_punch_only, fallocate(fd, 2, 0, 1));
    ROW(fallocate_odd, fallocate(fd, 1 << 20, 0, 1));
    ROW(fallocate_past, fallocate(fd, 0, LONG_MAX, 1));
    ROW(fadvise, syscall(SYS_fadvise64, fd, 0, 0, 0));
    ROW(fadvise_odd, syscall(SYS_fadvise64, fd, 0, 0, 99));
    ROW(fadvise_negative, syscall(SYS_fadvise64, fd, 0, -1, 0));
    ROW(readahead, readahead(fd, 0, 1));
    ROW(fchmod, fchmod(fd, 0644));
    ROW(fchmodat2, syscall(452, fd, "", 0644, AT_EMPTY_PATH));
    ROW(fchown, fchown(fd, -1, -1));
    ROW(fchownat, fchownat(fd, "", -1, -1, AT_EMPTY_PATH));
    ROW(utimensat_null, syscall(SYS_utimensat, fd, NULL, NULL, 0));
    ROW(utimensat_null_flag, syscall(SYS_utimensat, fd, NULL, NULL, AT_SYMLINK_NOFOLLOW));
    ROW(utimensat_empty, syscall(SYS_utimensat, fd, "", NULL, AT_EMPTY_PATH));
    ROW(flock, flock(fd, LOCK_EX | LOCK_NB));
    ROW(flock_odd, flock(fd, 16));
    ROW(flock_none, flock(fd, LOCK_NB));
    ROW(flock_mand, flock(fd, 32));
    ROW(fgetxattr, fgetxattr(fd, "user.a", buf, 9));
    ROW(fsetxattr, fsetxattr(fd, "user.a", "v", 1, 0));
    ROW(fsetxattr_none, fsetxattr(fd, "odd.a", "v", 1, 0));
    ROW(fremovexattr, fremovexattr(fd, "user.b"));
    ROW(fchdir, ({ int r = fchdir(fd), e = errno; fchdir(home), errno = e; r; }));
    ROW(openat, ({ int r = openat(fd, "in", O_RDONLY), e = errno; close(r), errno = e; r < 0 ? -1 : 0; }));
    ROW(mkdirat, ({ int r = mkdirat(fd, "made", 0755), e = errno; unlinkat(fd, "made", AT_REMOVEDIR), errno = e; r; }));
    ROW(getdents, syscall(SYS_getdents64, fd, buf, sizeof buf) > 0 ? 1 : -1);
    ROW(getdents_small, syscall(SYS_getdents64, fd, buf, 3));
    ROW(getdents_bad, syscall(SYS_getdents64, fd, BAD, 4096));
    ROW(mmap, mapped(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0)));
    ROW(mmap_0, mapped(mmap(NULL, 0, PROT_READ, MAP_PRIVATE, fd, 0)));
    ROW(mmap_type, mapped(mmap(NULL, 4096, PROT_READ, 0, fd, 0)));
    ROW(mmap_unaligned, mapped(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 1)));
    ROW(mmap_overflow, mapped(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, -4096)));
    ROW(fionread, ioctl(fd, FIONREAD, &zero));
    ROW(fionbio, ioctl(fd, FIONBIO, &zero));
    ROW(fionbio_bad, ioctl(fd, FIONBIO, BAD));
    ROW(fioasync, ioctl(fd, FIOASYNC, &zero));
    ROW(fioclex, ioctl(fd, FIOCLEX));
    ROW(tcgets, ioctl(fd, TCGETS, buf));
    ROW(tiocgwinsz, ioctl(fd, TIOCGWINSZ, buf));
    ROW(tiocgpgrp, ioctl(fd, TIOCGPGRP, &zero));
    ROW(ioctl_odd, ioctl(fd, 0xdead, 0));
    ROW(fioqsize, ioctl(fd, 0x5460, buf));
    ROW(getsig, fcntl(fd, F_GETSIG));
    ROW(setsig, fcntl(fd, F_SETSIG, 65));
    ROW(getown, fcntl(fd, F_GETOWN));
    ROW(setown, fcntl(fd, F_SETOWN, 0));
    ROW(setown_none, fcntl(fd, F_SETOWN, 1 << 30));
    ROW(setown_min, fcntl(fd, F_SETOWN, INT_MIN));
    ROW(setown_ex, fcntl(fd, F_SETOWN_EX, BAD));
    ROW(getfl, fcntl(fd, F_GETFL) < 0 ? -1 : 0);
    ROW(setfl_direct, fcntl(fd, F_SETFL, O_DIRECT));
    ROW(setfl_async, fcntl(fd, F_SETFL, O_ASYNC));
    ROW(setfl_all, fcntl(fd, F_SETFL, O_NONBLOCK | O_APPEND | O_NOATIME));
    ROW(dupfd, fcntl(fd, F_DUPFD, 1 << 30));
    ROW(dupfd_negative, fcntl(fd, F_DUPFD, -1));
    ROW(getlk, fcntl(fd, F_GETLK, &whole));
    ROW(setlk, fcntl(fd, F_SETLK, &whole));
    ROW(setlk_shared, fcntl(fd, F_SETLK, &shared));
    ROW(setlk_odd, fcntl(fd, F_SETLK, &odd));
    ROW(setlk_before, fcntl(fd, F_SETLK, &before));
    ROW(setlk_bad, fcntl(fd, F_SETLK, BAD));
    ROW(ofd_getlk, fcntl(fd, F_OFD_GETLK, &shared));
    ROW(ofd_setlk, fcntl(fd, F_OFD_SETLK, &shared));
    ROW(getlease, fcntl(fd, F_GETLEASE));
    ROW(setlease_none, fcntl(fd, F_SETLEASE, F_UNLCK));
    ROW(setlease_odd, fcntl(fd, F_SETLEASE, 9));
    ROW(setlease_rd, ({ int r = fcntl(fd, F_SETLEASE, F_RDLCK), e = errno; fcntl(fd, F_SETLEASE, F_UNLCK), errno = e; r; }));
    ROW(setlease_wr, ({ int r = fcntl(fd, F_SETLEASE, F_WRLCK), e = errno; fcntl(fd, F_SETLEASE, F_UNLCK), errno = e; r; }));
    ROW(notify, fcntl(fd, F_NOTIFY, DN_ACCESS));
    ROW(getpipe, fcntl(fd, F_GETPIPE_SZ) < 0 ? -1 : 0);
    ROW(setpipe, fcntl(fd, F_SETPIPE_SZ, 4096) < 0 ? -1 : 0);
    ROW(setpipe_0, fcntl(fd, F_SETPIPE_SZ, 0) < 0 ? -1 : 0);
    ROW(setpipe_huge, fcntl(fd, F_SETPIPE_SZ, -1) < 0 ? -1 : 0);
    ROW(addseals, fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
    ROW(addseals_odd, fcntl(fd, F_ADD_SEALS, 1 << 20));
    ROW(get_hint, fcntl(fd, F_GET_RW_HINT, buf));
    ROW(set_hint, ({ *(long *)buf = 2; fcntl(fd, F_SET_RW_HINT, buf); }));
    ROW(set_hint_odd, ({ *(long *)buf = 99; fcntl(fd, F_SET_RW_HINT, buf); }));
    ROW(fcntl_odd, fcntl(fd, 77, 0));
    ROW(epoll_add, epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
    ROW(epoll_mod, epoll_ctl(ep, EPOLL_CTL_MOD, fd, &event));
    ROW(epoll_del, epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL));
    ROW(epoll_add_bad, epoll_ctl(ep, EPOLL_CTL_ADD, fd, BAD));
    ROW(epoll_on, epoll_ctl(fd, EPOLL_CTL_ADD, ep, &event));
    ROW(epoll_self, epoll_ctl(fd, EPOLL_CTL_ADD, fd, &event));
    ROW(epoll_wait, epoll_wait(fd, &event, 1, 0));
    ROW(timerfd_get, timerfd_gettime(fd, &timer));
    ROW(timerfd_set, timerfd_settime(fd, 0, &timer, NULL));
    ROW(timerfd_odd, timerfd_settime(fd, 64, &timer, NULL));
    ROW(timerfd_bad, syscall(SYS_timerfd_settime, fd, 0, BAD, NULL));
    ROW(signalfd, ({ sigset_t s; sigemptyset(&s); signalfd(fd, &s, 0) < 0 ? -1 : 0; }));
    ROW(inotify_add, inotify_add_watch(fd, ".", IN_CREATE));
    ROW(inotify_none, inotify_add_watch(fd, ".", 0));
    ROW(inotify_rm, inotify_rm_watch(fd, 77));
    ROW(accept, accept(fd, NULL, NULL));
    ROW(listen, listen(fd, 1));
    ROW(getsockname, ({ socklen_t l = 0; getsockname(fd, (void *)buf, &l); }));
    ROW(getpeername, ({ socklen_t l = 0; getpeername(fd, (void *)buf, &l); }));
    ROW(getsockname_negative, getsockname(fd, (void *)buf, (void *)&minus));
    ROW(connect, connect(fd, (void *)&nobody, sizeof nobody));
    ROW(connect_short, connect(fd, (void *)&nobody, 1));
    ROW(bind_long, bind(fd, (void *)buf, 129));
    ROW(send, send(fd, "x", 1, MSG_DONTWAIT));
    ROW(send_oob, send(fd, "x", 1, MSG_OOB | MSG_DONTWAIT));
    ROW(recv, recv(fd, buf, 1, MSG_DONTWAIT));
    ROW(sendmsg, sendmsg(fd, &msg, MSG_DONTWAIT));
    ROW(sendmsg_bad, sendmsg(fd, BAD, MSG_DONTWAIT));
    ROW(recvmsg_bad, recvmsg(fd, BAD, MSG_DONTWAIT));
    ROW(shutdown, shutdown(fd, SHUT_RD));
    ROW(shutdown_odd, shutdown(fd, 9));
    ROW(getsockopt, ({ socklen_t l = 4; getsockopt(fd, SOL_SOCKET, SO_ERROR, buf, &l); }));
    ROW(splice_in, splice(fd, NULL, full[1], NULL, 1, SPLICE_F_NONBLOCK));
    ROW(splice_in_off, splice(fd, &off, full[1], NULL, 1, SPLICE_F_NONBLOCK));
    ROW(splice_out, ({ write(full[1], "z", 1); splice(full[0], NULL, fd, NULL, 1, SPLICE_F_NONBLOCK); }));
    ROW(splice_out_off, ({ write(full[1], "z", 1); splice(full[0], NULL, fd, &off, 1, SPLICE_F_NONBLOCK); }));
    ROW(splice_0, splice(fd, NULL, full[1], NULL, 0, 0));
    ROW(splice_odd, splice(fd, NULL, full[1], NULL, 1, 64));
    ROW(tee, tee(fd, full[1], 1, SPLICE_F_NONBLOCK));
    ROW(tee_to, tee(full[0], fd, 1, SPLICE_F_NONBLOCK));
    ROW(vmsplice, vmsplice(fd, &one, 1, SPLICE_F_NONBLOCK));
    ROW(vmsplice_odd, vmsplice(fd, &one, 1, 64));
    ROW(sendfile_from, sendfile(other, fd, NULL, 1));
    ROW(sendfile_from_off, sendfile(other, fd, &off, 1));
    ROW(sendfile_to, ({ lseek(other, 0, 0); write(other, "x", 1); lseek(other, 0, 0); sendfile(fd, other, NULL, 1); }));
    ROW(sendfile_neg, ({ off = -1; sendfile(other, fd, &off, 1); }));
    ROW(copy_from, copy_file_range(fd, NULL, other, NULL, 1, 0));
    ROW(copy_to, ({ lseek(other, 0, 0); copy_file_range(other, NULL, fd, NULL, 1, 0); }));
    ROW(copy_flags, copy_file_range(fd, NULL, other, NULL, 1, 1));
    ROW(dup3_odd, dup3(fd, 50, 1));
    ROW(dup2_huge, dup2(fd, 1 << 30));
    ROW(dup3_same, dup3(fd, fd, 0));
    ROW(setns, setns(fd, 0));
    ROW(mq_getattr, syscall(SYS_mq_getsetattr, fd, NULL, &attributes));
    ROW(mq_send, syscall(SYS_mq_timedsend, fd, "x", 1, 0, NULL));
    ROW(mq_receive, syscall(SYS_mq_timedreceive, fd, buf, 8192, NULL, NULL));
    ROW(mq_notify, syscall(SYS_mq_notify, fd, NULL));
    ROW(fexecve, syscall(SYS_execveat, fd, "", (char *[]){0}, (char *[]){0}, AT_EMPTY_PATH));
    ROW(cachestat, syscall(451, fd, buf, buf + 100, 0));
    ROW(poll, ({ struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP}; poll(&p, 1, 0); p.revents; }));
    mq_unlink("/matrix_fds");
    unlink("fifo"), unlink("link");
    return 0;
}

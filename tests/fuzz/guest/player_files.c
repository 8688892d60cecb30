/* Operations on paths, files and directories. */
#include "player.h"

static int known(unsigned long *seen, int *n, unsigned long value) {
    for (int i = 0; i < *n; i++)
        if (seen[i] == value) return i;
    if (*n < NODES) seen[(*n)++] = value;
    return *n - 1;
}

static int node(unsigned long device, unsigned long number) {
    for (int i = 0; i < told->nodes; i++)
        if (told->node[i][0] == device && told->node[i][1] == number) return i;
    if (told->nodes == NODES) return -1;
    told->node[told->nodes][0] = device, told->node[told->nodes][1] = number;
    return told->nodes++;
}

static long status(long result, const struct stat *st) {
    if (result) return result;
    int place = known(told->device, &told->devices, st->st_dev), number = node(st->st_dev, st->st_ino);
    tell(" dev%d node%d mode %o links %ld owner %d:%d rdev %lx size %ld blocks %ld of %ld", place, number, st->st_mode,
         (long)st->st_nlink, st->st_uid, st->st_gid, (long)st->st_rdev, (long)st->st_size, (long)st->st_blocks,
         (long)st->st_blksize);
    if (S_ISSOCK(st->st_mode) || !(st->st_mode & S_IFMT)) return 0; /* of those Linux initialises no times */
    if (st->st_atime < 1000000000) tell(" atime %ld.%ld", st->st_atime, st->st_atim.tv_nsec);
    if (st->st_mtime < 1000000000) tell(" mtime %ld.%ld", st->st_mtime, st->st_mtim.tv_nsec);
    return 0;
}

OP(open) { return keep(a[0], RESULT(open(path_of(a[1]), a[2] | O_NONBLOCK, a[3]))); }
OP(openat) { return keep(a[0], RESULT(openat(DIR(a[1]), path_of(a[2]), a[3] | O_NONBLOCK, a[4]))); }
OP(openat2) {
    unsigned long how[3] = {a[3] | O_NONBLOCK, a[3] & (O_CREAT | O_TMPFILE) ? a[4] : 0, a[5]};
    return keep(a[0], RESULT(syscall(SYS_openat2, DIR(a[1]), path_of(a[2]), how, sizeof how)));
}
OP(close) { return RESULT(close(FD(a[0]))); }
OP(dup) { return keep(a[0], RESULT(dup(FD(a[1])))); }
OP(dup3) { return keep(a[0], RESULT(dup3(FD(a[1]), FD(a[2]), a[3]))); }
OP(dupfd) { return keep(a[0], RESULT(fcntl(FD(a[1]), a[3] ? F_DUPFD_CLOEXEC : F_DUPFD, a[2]))); }
OP(getfd) { return RESULT(fcntl(FD(a[0]), F_GETFD)); }
OP(setfd) { return RESULT(fcntl(FD(a[0]), F_SETFD, a[1])); }
OP(getfl) { /* newer Linux forgets O_TMPFILE */
    long flags = RESULT(fcntl(FD(a[0]), F_GETFL));
    return flags < 0 ? flags : flags & ~(O_TMPFILE & ~O_DIRECTORY);
}
OP(setfl) { return RESULT(fcntl(FD(a[0]), F_SETFL, a[1] | O_NONBLOCK)); }

static char buffer[1 << 17];

static char *filled(long seed, long size) {
    for (long i = 0; i < size; i++) buffer[i] = 'a' + (seed + i) % 26;
    return buffer;
}

static long got(long result) {
    if (result >= 0) tell_bytes(buffer, result);
    return result;
}

OP(read) { return got(RESULT(read(FD(a[0]), buffer, a[1]))); }
OP(write) { return RESULT(write(FD(a[0]), filled(a[2], a[1]), a[1])); }
OP(pread) { return got(RESULT(pread(FD(a[0]), buffer, a[1], a[2]))); }
OP(pwrite) { return RESULT(pwrite(FD(a[0]), filled(a[3], a[1]), a[1], a[2])); }
OP(readv) {
    struct iovec v[3] = {{buffer, a[1]}, {buffer + a[1], 0}, {buffer + a[1], a[2]}};
    return got(RESULT(preadv2(FD(a[0]), v, 3, a[3], a[4])));
}
OP(writev) {
    struct iovec v[3] = {{filled(7, 2000), a[1]}, {buffer, 0}, {buffer + 5, a[2]}};
    return RESULT(pwritev2(FD(a[0]), v, 3, a[3], a[4]));
}
OP(badread) { return RESULT(read(FD(a[0]), (char *)8, a[1])); }
OP(badwrite) { /* tmpfs of Linux 6.14 looks at the seals before the bytes, and takes a page, which stays */
    struct stat st;
    if (!fstat(FD(a[0]), &st) && S_ISREG(st.st_mode)) return 0;
    return RESULT(write(FD(a[0]), (char *)8, a[1]));
}
OP(lseek) { /* where in a directory one gets that way is the file system's choice */
    struct stat st;
    if (a[1] && !fstat(FD(a[0]), &st) && S_ISDIR(st.st_mode)) return 0;
    return RESULT(lseek(FD(a[0]), a[1], a[2]));
}
OP(truncate) { return RESULT(truncate(path_of(a[0]), a[1])); }
OP(ftruncate) { return RESULT(ftruncate(FD(a[0]), a[1])); }
OP(fallocate) { return RESULT(fallocate(FD(a[0]), a[1], a[2], a[3])); }
OP(fsync) { return RESULT(a[1] ? fdatasync(FD(a[0])) : fsync(FD(a[0]))); }
OP(fadvise) { long r = posix_fadvise(FD(a[0]), a[1], a[2], a[3]); return -r; }
OP(copy_range) {
    loff_t in = a[2], out = a[3];
    long result = RESULT(copy_file_range(FD(a[0]), a[2] < 0 ? 0 : &in, FD(a[1]), a[3] < 0 ? 0 : &out, a[4], 0));
    tell(" at %ld %ld", (long)in, (long)out);
    return result;
}
OP(sendfile) {
    off_t in = a[2];
    long result = RESULT(sendfile(FD(a[0]), FD(a[1]), a[2] < 0 ? 0 : &in, a[3]));
    tell(" at %ld", (long)in);
    return result;
}
OP(splice) {
    loff_t at = a[2];
    return RESULT(splice(FD(a[0]), a[2] < 0 ? 0 : &at, FD(a[1]), 0, a[3], SPLICE_F_NONBLOCK));
}
OP(tee) { return RESULT(tee(FD(a[0]), FD(a[1]), a[2], SPLICE_F_NONBLOCK)); }

OP(stat) { struct stat st; return status(RESULT(stat(path_of(a[0]), &st)), &st); }
OP(lstat) { struct stat st; return status(RESULT(lstat(path_of(a[0]), &st)), &st); }
OP(fstat) { struct stat st; return status(RESULT(fstat(FD(a[0]), &st)), &st); }
OP(fstatat) { struct stat st; return status(RESULT(fstatat(DIR(a[0]), path_of(a[1]), &st, a[2])), &st); }
OP(statx) {
    struct statx st;
    memset(&st, 0, sizeof st);
    long result = RESULT(statx(DIR(a[0]), path_of(a[1]), a[2], a[3], &st));
    if (!result) tell(" mode %o links %u size %ld attributes %lx", st.stx_mode, st.stx_nlink, (long)st.stx_size, (long)st.stx_attributes);
    return result;
}
OP(access) { return RESULT(access(path_of(a[0]), a[1])); }
OP(faccessat) { return RESULT(syscall(SYS_faccessat2, DIR(a[0]), path_of(a[1]), a[2], a[3])); }
OP(mkdir) { return RESULT(mkdir(path_of(a[0]), a[1])); }
OP(mkdirat) { return RESULT(mkdirat(DIR(a[0]), path_of(a[1]), a[2])); }
OP(mknod) { return RESULT(mknod(path_of(a[0]), a[1], a[2])); }
OP(rmdir) { return RESULT(rmdir(path_of(a[0]))); }
OP(unlink) { return RESULT(unlink(path_of(a[0]))); }
OP(unlinkat) { return RESULT(unlinkat(DIR(a[0]), path_of(a[1]), a[2])); }
OP(link) { return RESULT(link(path_of(a[0]), path_of(a[1]))); }
OP(linkat) { /* Linux 6.10 changed who may use AT_EMPTY_PATH */
    int flags = geteuid() ? a[4] & ~AT_EMPTY_PATH : a[4];
    return RESULT(linkat(DIR(a[0]), path_of(a[1]), DIR(a[2]), path_of(a[3]), flags));
}
OP(symlink) { return RESULT(symlink(path_of(a[0]), path_of(a[1]))); }
OP(readlink) {
    long result = RESULT(readlinkat(DIR(a[0]), path_of(a[1]), buffer, a[2]));
    return got(result);
}
OP(rename) { return RESULT(rename(path_of(a[0]), path_of(a[1]))); }
OP(renameat2) { return RESULT(renameat2(DIR(a[0]), path_of(a[1]), DIR(a[2]), path_of(a[3]), a[4])); }
OP(chmod) { return RESULT(chmod(path_of(a[0]), a[1])); }
OP(fchmod) { return RESULT(fchmod(FD(a[0]), a[1])); }
OP(fchmodat2) { return RESULT(syscall(452, DIR(a[0]), path_of(a[1]), a[2], a[3])); }
OP(chown) { return RESULT(a[3] ? lchown(path_of(a[0]), a[1], a[2]) : chown(path_of(a[0]), a[1], a[2])); }
OP(fchown) { return RESULT(fchown(FD(a[0]), a[1], a[2])); }
OP(fchownat) { return RESULT(fchownat(DIR(a[0]), path_of(a[1]), a[2], a[3], a[4])); }
OP(umask) { return umask(a[0]); }
OP(chdir) { return RESULT(chdir(path_of(a[0]))); }
OP(fchdir) { return RESULT(fchdir(FD(a[0]))); }
OP(getcwd) {
    long result = RESULT(syscall(SYS_getcwd, buffer, a[0]));
    return got(result);
}
static int by_name(const void *x, const void *y) { return strcmp(*(char *const *)x, *(char *const *)y); }
OP(getdents) {
    long size = RESULT(syscall(SYS_getdents64, FD(a[0]), buffer, a[1])), n = 0;
    char *names[64];
    for (long at = 0; at < size && n < 64; at += *(unsigned short *)(buffer + at + 16)) names[n++] = buffer + at + 18;
    if (a[1] < 1000) return size < 0 ? size : size > 0; /* which ones come first is the file system's choice */
    qsort(names, n, sizeof *names, by_name);
    for (long i = 0; i < n; i++) tell(" %s/%d", names[i] + 1, names[i][0]);
    return size;
}
OP(utimens) {
    struct timespec times[2] = {{a[2], a[3]}, {a[2] * 2, a[3] == UTIME_NOW ? UTIME_OMIT : a[3]}};
    return RESULT(syscall(SYS_utimensat, DIR(a[0]), a[1] == 98 ? 0 : path_of(a[1]), times, a[4]));
}
OP(setxattr) { return RESULT((a[3] & 8 ? lsetxattr : setxattr)(path_of(a[0]), text_of(a[1]), filled(a[2], a[2]), a[2], a[3] & 7)); }
OP(getxattr) { long r = RESULT((a[3] ? lgetxattr : getxattr)(path_of(a[0]), text_of(a[1]), buffer, a[2])); return a[2] ? got(r) : r; }
OP(listxattr) { long r = RESULT(listxattr(path_of(a[0]), buffer, a[1])); return r; }
OP(removexattr) { return RESULT(removexattr(path_of(a[0]), text_of(a[1]))); }
OP(fsetxattr) { return RESULT(fsetxattr(FD(a[0]), text_of(a[1]), filled(a[2], a[2]), a[2], a[3])); }
OP(fgetxattr) { long r = RESULT(fgetxattr(FD(a[0]), text_of(a[1]), buffer, a[2])); return a[2] ? got(r) : r; }
static int anonymous(int fd) { /* one inode for the whole machine: others may have it locked */
    struct stat st;
    return !fstat(fd, &st) && !(st.st_mode & S_IFMT);
}
OP(flock) {
    if (anonymous(FD(a[0]))) return 0;
    return RESULT(flock(FD(a[0]), a[1] | LOCK_NB));
}
OP(lock) {
    if (anonymous(FD(a[0]))) return 0;
    struct flock l = {.l_type = a[2], .l_whence = a[3], .l_start = a[4], .l_len = a[5]};
    long result = RESULT(fcntl(FD(a[0]), a[1], &l));
    if (!result && (a[1] == F_GETLK || a[1] == F_OFD_GETLK))
        tell(" type %d whence %d from %ld length %ld of %s", l.l_type, l.l_whence, (long)l.l_start, (long)l.l_len,
             l.l_type == F_UNLCK ? "" : l.l_pid == -1 ? "a file" : l.l_pid == getpid() ? "this" : l.l_pid == getppid() ? "parent" : "another");
    return result;
}
OP(statfs) {
    struct statfs s;
    long result = RESULT(a[1] ? fstatfs(FD(a[0]), &s) : statfs(path_of(a[0]), &s));
    if (!result) tell(" type %lx names %ld flags %lx", (long)s.f_type, (long)s.f_namelen, (long)s.f_flags);
    return result;
}

#define ENTRY(name) {#name, op_##name}
const struct op file_ops[] = {
    ENTRY(open), ENTRY(openat), ENTRY(openat2), ENTRY(close), ENTRY(dup), ENTRY(dup3), ENTRY(dupfd), ENTRY(getfd), ENTRY(setfd),
    ENTRY(getfl), ENTRY(setfl), ENTRY(read), ENTRY(write), ENTRY(pread), ENTRY(pwrite), ENTRY(readv), ENTRY(writev),
    ENTRY(badread), ENTRY(badwrite), ENTRY(lseek), ENTRY(truncate), ENTRY(ftruncate), ENTRY(fallocate), ENTRY(fsync),
    ENTRY(fadvise), ENTRY(copy_range), ENTRY(sendfile), ENTRY(splice), ENTRY(tee), ENTRY(stat), ENTRY(lstat), ENTRY(fstat),
    ENTRY(fstatat), ENTRY(statx), ENTRY(access), ENTRY(faccessat), ENTRY(mkdir), ENTRY(mkdirat), ENTRY(mknod), ENTRY(rmdir),
    ENTRY(unlink), ENTRY(unlinkat), ENTRY(link), ENTRY(linkat), ENTRY(symlink), ENTRY(readlink), ENTRY(rename), ENTRY(renameat2),
    ENTRY(chmod), ENTRY(fchmod), ENTRY(fchmodat2), ENTRY(chown), ENTRY(fchown), ENTRY(fchownat), ENTRY(umask), ENTRY(chdir),
    ENTRY(fchdir), ENTRY(getcwd), ENTRY(getdents), ENTRY(utimens), ENTRY(setxattr), ENTRY(getxattr), ENTRY(listxattr),
    ENTRY(removexattr), ENTRY(fsetxattr), ENTRY(fgetxattr), ENTRY(flock), ENTRY(lock), ENTRY(statfs), {0, 0},
};

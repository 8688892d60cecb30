// private
#include "t.h"
#include "container_caps.h"
/* Every call that takes a path, at every kind of path: one line a call. */

static char long_name[300], long_path[PATH_MAX + 8];
static const struct {
    const char *name, *path;
} PATHS[] = {
    {"null", NULL},        {"bad", BAD},          {"empty", ""},         {"missing", "no"},       {"below", "no/no"},
    {"through", "file/x"}, {"slash", "file/"},    {"dir", "dir"},        {"dirslash", "dir/"},    {"name", long_name},
    {"path", long_path},   {"loop", "loop"},      {"inloop", "loop/x"},  {"dangling", "dangle"},  {"dangleslash", "dangle/"},
    {"dot", "."},          {"dotdot", "dir/.."},  {"dirdot", "dir/."},   {"newslash", "new/"},
    {"linkdir", "ldir"},   {"ldirslash", "ldir/"}, {"full", "full"},     {"fullslash", "full/"},  {"link", "lfile"},
    {"linkslash", "lfile/"},
};
#define N (sizeof PATHS / sizeof *PATHS)

static void clean(void) {
    umask(022);
    static const char *const NAMES[] = {"dir/other", "file", "dir", "loop", "dangle", "ldir", "lfile", "full", "new", "other", "no", "target", NULL};
    for (int k = 0; NAMES[k]; k++) {
        char below[64];
        sprintf(below, "%s/f", NAMES[k]);
        unlink(below);
        if (unlink(NAMES[k]) && errno == EISDIR) rmdir(NAMES[k]);
    }
    put("file", "text");
    mkdir("dir", 0755), mkdir("full", 0755), put("full/f", "x");
    symlink("loop", "loop"), symlink("target", "dangle"), symlink("dir", "ldir"), symlink("file", "lfile");
}
static int quiet(int r) {
    int e = errno;
    if (r > 2) close(r);
    errno = e;
    return r > 2 ? 0 : r;
}
static struct stat st;
static struct statfs sf;
static struct statx sx;
static char buf[PATH_MAX];
static struct timespec omit[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}}, now[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
/* Does a call of this name leave the tree other than it was? */
static int changes(const char *name) {
    static const char *const MAKE[] = {"open_creat", "open_excl", "creat", "mk", "symlink", "link", "rename", "unlink", "rmdir", "truncate", "open_tr", NULL};
    for (int k = 0; MAKE[k]; k++)
        if (!strncmp(name, MAKE[k], strlen(MAKE[k]))) return 1;
    return 0;
}
#define ROW(row, call)                                                       \
    printf("%s:", #row);                                                     \
    for (unsigned k = 0; k < N; k++) {                                         \
        const char *p = PATHS[k].path;                                         \
        errno = 0;                                                             \
        fflush(stdout);                                                        \
        long r = (long)(call);                                                 \
        printf(" %s=%s", PATHS[k].name, r == -1 ? ename(errno) : r ? "n" : "0"); \
        if (r >= 0 && changes(#row)) clean();                                \
    }                                                                          \
    puts("")

int main(void) {
    as_in_container();
    memset(long_name, 'n', 256);
    memset(long_path, '/', PATH_MAX);
    int home = MUST(open(".", O_RDONLY | O_DIRECTORY)), watch = MUST(inotify_init());
    signal(SIGPIPE, SIG_IGN);
    clean();
    ROW(open_r, quiet(open(p, O_RDONLY)));
    ROW(open_w, quiet(open(p, O_WRONLY)));
    ROW(open_dir, quiet(open(p, O_DIRECTORY)));
    ROW(open_nofollow, quiet(open(p, O_NOFOLLOW)));
    ROW(open_path, quiet(open(p, O_PATH)));
    ROW(open_path_nf, quiet(open(p, O_PATH | O_NOFOLLOW)));
    ROW(open_creat, quiet(open(p, O_CREAT | O_RDWR, 0644)));
    ROW(open_creat_ro, quiet(open(p, O_CREAT | O_RDONLY, 0644)));
    ROW(open_excl, quiet(open(p, O_CREAT | O_EXCL | O_RDWR, 0644)));
    ROW(open_excl_nf, quiet(open(p, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR, 0644)));
    ROW(open_creat_dir, quiet(open(p, O_CREAT | O_DIRECTORY, 0644)));
    ROW(open_tmpfile, quiet(open(p, O_TMPFILE | O_RDWR, 0600)));
    ROW(open_tmpfile_ro, quiet(open(p, O_TMPFILE | O_RDONLY, 0600)));
    ROW(open_trunc, quiet(open(p, O_TRUNC | O_RDONLY)));
    ROW(creat, quiet(creat(p, 0644)));
    ROW(stat, syscall(SYS_stat, p, &st));
    ROW(lstat, syscall(SYS_lstat, p, &st));
    ROW(statfs, syscall(SYS_statfs, p, &sf));
    ROW(statx, syscall(SYS_statx, AT_FDCWD, p, 0, 0xfff, &sx));
    ROW(statx_empty, syscall(SYS_statx, AT_FDCWD, p, AT_EMPTY_PATH, 0xfff, &sx));
    ROW(fstatat_empty, syscall(SYS_newfstatat, AT_FDCWD, p, &st, AT_EMPTY_PATH));
    ROW(access, access(p, R_OK));
    ROW(access_x, access(p, X_OK));
    ROW(chdir, ({ int r = chdir(p), e = errno; fchdir(home); errno = e; r; }));
    ROW(chmod, chmod(p, 0755));
    ROW(chown, chown(p, -1, -1));
    ROW(lchown, lchown(p, -1, -1));
    ROW(fchownat_empty, syscall(SYS_fchownat, AT_FDCWD, p, -1, -1, AT_EMPTY_PATH));
    ROW(truncate, truncate(p, 3));
    ROW(utimensat_omit, syscall(SYS_utimensat, AT_FDCWD, p, omit, 0));
    ROW(utimensat, syscall(SYS_utimensat, AT_FDCWD, p, now, 0));
    ROW(utimensat_nf, syscall(SYS_utimensat, AT_FDCWD, p, now, AT_SYMLINK_NOFOLLOW));
    ROW(utime, syscall(SYS_utime, p, NULL));
    ROW(readlink, syscall(SYS_readlink, p, buf, sizeof buf));
    ROW(readlink_0, syscall(SYS_readlink, p, buf, 0));
    ROW(getxattr, syscall(SYS_getxattr, p, "user.a", buf, 9));
    ROW(lgetxattr, syscall(SYS_lgetxattr, p, "user.a", buf, 9));
    ROW(setxattr, syscall(SYS_setxattr, p, "user.a", "v", 1, 0));
    ROW(lsetxattr, syscall(SYS_lsetxattr, p, "user.a", "v", 1, 0));
    ROW(removexattr, syscall(SYS_removexattr, p, "user.b"));
    ROW(inotify, ({ int w = inotify_add_watch(watch, p, IN_ATTRIB); w > 0 ? 0 : w; }));
    ROW(inotify_onlydir, ({ int w = inotify_add_watch(watch, p, IN_ATTRIB | IN_ONLYDIR | IN_DONT_FOLLOW); w > 0 ? 0 : w; }));
    ROW(execve, fork() ? ({ int s; wait(&s); errno = WEXITSTATUS(s); errno ? -1 : 0; }) : (execve(p, (char *[]){0}, (char *[]){0}), _exit(errno), 0));
    ROW(mkdir, mkdir(p, 0755));
    ROW(mknod_fifo, mknod(p, S_IFIFO | 0644, 0));
    ROW(mknod_reg, mknod(p, 0644, 0));
    ROW(mknod_dir, mknod(p, S_IFDIR | 0644, 0));
    ROW(mknod_odd, mknod(p, 0170000, 0));
    ROW(symlink_to, symlink(p, "other"));
    ROW(symlink_at, symlink("text", p));
    ROW(link_from, link(p, "other"));
    ROW(link_follow, linkat(AT_FDCWD, p, AT_FDCWD, "other", AT_SYMLINK_FOLLOW));
    ROW(link_empty, linkat(AT_FDCWD, p, AT_FDCWD, "other", AT_EMPTY_PATH));
    ROW(link_to, link("file", p));
    ROW(rename_from, rename(p, "other"));
    ROW(rename_to, rename("file", p));
    ROW(rename_dir_to, rename("dir", p));
    ROW(rename_below, rename(p, "dir/other"));
    ROW(rename_noreplace, renameat2(AT_FDCWD, "file", AT_FDCWD, p, RENAME_NOREPLACE));
    ROW(rename_exchange, renameat2(AT_FDCWD, "full", AT_FDCWD, p, RENAME_EXCHANGE));
    ROW(rename_both, renameat2(AT_FDCWD, p, AT_FDCWD, "other", 3));
    ROW(rename_whiteout, renameat2(AT_FDCWD, p, AT_FDCWD, "other", 6));
    ROW(unlink, unlink(p));
    ROW(rmdir, rmdir(p));
    ROW(unlinkat_dir, unlinkat(AT_FDCWD, p, AT_REMOVEDIR));
    ROW(name_to_handle_odd, syscall(SYS_name_to_handle_at, AT_FDCWD, p, BAD, BAD, 1 << 25));
    ROW(chroot, fork() ? ({ int s; wait(&s); errno = WEXITSTATUS(s); errno ? -1 : 0; }) : (_exit(chroot(p) ? errno : 0), 0));
    return 0;
}

// admin
#include "t.h"
#include <sys/mount.h>

static long fs_open(const char *k, unsigned f) { return syscall(SYS_fsopen, k, f); }
static long config(int fd, unsigned c, const char *k, const void *v, int x) { return syscall(SYS_fsconfig, fd, c, k, v, x); }
static long fs_mount(int fd, unsigned f, unsigned a) { return syscall(SYS_fsmount, fd, f, a); }
static long pick(int d, const char *p, unsigned f) { return syscall(SYS_fspick, d, p, f); }
static long tree(int d, const char *p, unsigned f) { return syscall(SYS_open_tree, d, p, f); }
static long move(int d, const char *p, int e, const char *q, unsigned f) { return syscall(SYS_move_mount, d, p, e, q, f); }
static long setattr(int d, const char *p, unsigned f, void *a, size_t n) { return syscall(SYS_mount_setattr, d, p, f, a, n); }
static void message(int fd) {
    char b[256];
    int n = read(fd, b, sizeof b);
    printf("message %s %.*s\n", n < 0 ? ename(errno) : "", n < 0 ? 0 : n, b);
}
static void table(const char *top) {
    char line[4096];
    FILE *f = fopen("/proc/self/mountinfo", "r");
    while (fgets(line, sizeof line, f)) {
        char root[512], place[512], options[512];
        int end;
        if (sscanf(line, "%*d %*d %*d:%*d %511s %511s %511s %n", root, place, options, &end) < 3) continue;
        char *dash = strstr(line + end, "- ");
        if (!strncmp(place, top, strlen(top))) printf("  %s %s [%s] %s", place, options, root, dash);
    }
    fclose(f);
}

int main(void) {
    MUST(unshare(CLONE_NEWNS));
    MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    MUST(mount("top", "/srv", "tmpfs", 0, "mode=755"));
    MUST(chdir("/srv"));
    MUST(mkdir("a", 0755)), MUST(mkdir("b", 0755)), MUST(mkdir("c", 0755));
    put("file", "x");
    SHOW(fs_open("tmpfs", 2));
    SHOW(fs_open("nosuchfs", 0));
    SHOW(fs_open(BAD, 0));
    int fs = OK(fs_open("tmpfs", 1));
    message(fs);
    SHOW(config(fs, 0, NULL, NULL, 0));
    SHOW(config(fs, 0, "ro", "x", 0));
    SHOW(config(fs, 1, "size", NULL, 0));
    SHOW(config(fs, 6, "x", NULL, 0));
    SHOW(config(fs, 77, NULL, NULL, 0));
    SHOW(config(-1, 6, NULL, NULL, 0));
    SHOW(config(99, 6, NULL, NULL, 0));
    SHOW(config(0, 6, NULL, NULL, 0));
    SHOW(config(fs, 1, "bogus", "1", 0));
    message(fs);
    SHOW(config(fs, 1, "size", "1z", 0));
    SHOW(config(fs, 1, BAD, "1", 0));
    SHOW(config(fs, 0, "source", NULL, 0));
    while (read(fs, (char[256]){0}, 256) > 0);
    SHOW(config(fs, 1, "source", "named", 0));
    SHOW(config(fs, 1, "source", "again", 0));
    SHOW(config(fs, 1, "size", "64k", 0));
    SHOW(config(fs, 1, "mode", "700", 0));
    SHOW(fs_mount(fs, 0, 0));
    SHOW(config(fs, 7, NULL, NULL, 0));
    SHOW(config(fs, 6, NULL, NULL, 0));
    SHOW(config(fs, 6, NULL, NULL, 0));
    SHOW(config(fs, 1, "size", "32k", 0));
    SHOW(fs_mount(fs, 2, 0));
    SHOW(fs_mount(fs, 0, 1 << 12));
    SHOW(fs_mount(fs, 0, 0x30));
    SHOW(fs_mount(99, 0, 0));
    SHOW(fs_mount(0, 0, 0));
    int mnt = OK(fs_mount(fs, 1, 2 | 8 | 0x10));
    SHOW(fs_mount(fs, 1, 0));
    int inside = OK(openat(mnt, "new", O_CREAT | O_WRONLY, 0600));
    SHOW(write(inside, "abc", 3));
    close(inside);
    SHOW(read(mnt, (char[1]){0}, 1));
    SHOW(move(mnt, "", AT_FDCWD, "a", 0));
    SHOW(move(mnt, "", AT_FDCWD, "file", 4));
    SHOW(move(mnt, "", AT_FDCWD, "a", 4 | 0x400));
    SHOW(move(mnt, "new", AT_FDCWD, "a", 4));
    SHOW(move(mnt, "", AT_FDCWD, "a", 4));
    show_file("a/new");
    table("/srv/a");
    SHOW(move(mnt, "", AT_FDCWD, "b", 4));
    table("/srv");
    SHOW(config(fs, 1, "size", "128k", 0));
    SHOW(config(fs, 7, NULL, NULL, 0));
    table("/srv/b");
    close(mnt), close(fs);

    int p = OK(pick(AT_FDCWD, "b", 1));
    SHOW(pick(AT_FDCWD, "a", 0));
    SHOW(pick(AT_FDCWD, "b", 16));
    SHOW(pick(AT_FDCWD, "gone", 0));
    SHOW(config(p, 1, "size", "256k", 0));
    SHOW(config(p, 7, NULL, NULL, 0));
    table("/srv/b");
    SHOW(config(p, 6, NULL, NULL, 0));
    close(p);

    SHOW(tree(AT_FDCWD, "b", 2));
    SHOW(tree(AT_FDCWD, "b", 0x8000));
    int plain = OK(tree(AT_FDCWD, "b", O_CLOEXEC));
    SHOW(openat(plain, "nothing", O_RDONLY));
    int copy = OK(tree(AT_FDCWD, "b", 1 | O_CLOEXEC));
    OK(openat(copy, "from-copy", O_CREAT | O_WRONLY, 0600));
    SHOW(access("b/from-copy", F_OK));
    SHOW(umount("b"));
    close(plain);
    SHOW(umount("b"));
    SHOW(access("b/from-copy", F_OK));
    SHOW(move(copy, "", AT_FDCWD, "c", 4));
    SHOW(access("c/from-copy", F_OK));
    close(copy);
    MUST(mkdir("c/under", 0755));
    MUST(mount("u", "c/under", "tmpfs", 0, "size=4k"));
    int deep = OK(tree(AT_FDCWD, "c", 1 | 0x8000));
    SHOW(move(deep, "", AT_FDCWD, "a", 4));
    close(deep);
    table("/srv");
    int dropped = OK(tree(AT_FDCWD, "c", 1 | 0x8000));
    close(dropped);

    struct { uint64_t set, clear, kind, user, more; } attr = {0};
    SHOW(setattr(AT_FDCWD, "a", 0x8000, &attr, 32));
    attr.set = 1 | 4;
    SHOW(setattr(AT_FDCWD, "a", 0, &attr, 31));
    SHOW(setattr(AT_FDCWD, "a", 0, &attr, 5000));
    SHOW(setattr(AT_FDCWD, "a", 1, &attr, 32));
    SHOW(setattr(AT_FDCWD, "a", 0, BAD, 32));
    SHOW(setattr(AT_FDCWD, "gone", 0, &attr, 32));
    SHOW(setattr(AT_FDCWD, "b", 0, &attr, 32));
    SHOW(setattr(AT_FDCWD, "a", 0, &attr, 40));
    table("/srv/a");
    attr.more = 1;
    SHOW(setattr(AT_FDCWD, "a", 0, &attr, 40));
    attr.set = 8, attr.clear = 1;
    SHOW(setattr(AT_FDCWD, "a", 0x8000, &attr, 32));
    table("/srv/a");
    attr.set = 0x20, attr.clear = 0;
    SHOW(setattr(AT_FDCWD, "a", 0, &attr, 32));
    attr.clear = 0x70;
    SHOW(setattr(AT_FDCWD, "a", 0, &attr, 32));
    attr.set = 0x30;
    SHOW(setattr(AT_FDCWD, "a", 0, &attr, 32));
    attr.set = 1 << 12;
    SHOW(setattr(AT_FDCWD, "a", 0, &attr, 32));
    attr.set = 0, attr.clear = 0, attr.kind = MS_SHARED | MS_PRIVATE;
    SHOW(setattr(AT_FDCWD, "a", 0, &attr, 32));
    attr.kind = MS_SHARED;
    SHOW(setattr(AT_FDCWD, "a", 0x8000, &attr, 32));
    table("/srv/a");
    return 0;
}

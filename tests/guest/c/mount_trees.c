// admin
#include "mount_table.h"

static void table(const char *top) {
    FILE *f = fopen("/proc/self/mountinfo", "r");
    table_of(f, top);
    fclose(f);
}
static long pivot(const char *a, const char *b) { return syscall(SYS_pivot_root, a, b); }
static void make(const char *p) { MUST(mkdir(p, 0755)); }

int main(void) {
    MUST(unshare(CLONE_NEWNS));
    MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    MUST(mount("top", "/srv", "tmpfs", 0, "mode=755"));
    MUST(chdir("/srv"));
    make("a"), make("a/b"), make("c"), make("d"), make("e"), make("f");
    put("file", "x");
    SHOW(mount("t", "a", "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,nr_inodes=10,mode=700,uid=3,gid=4"));
    make("a/b");
    SHOW(mount("t2", "a/b", "tmpfs", MS_NOEXEC | MS_NOATIME, "size=1m"));
    put("a/b/deep", "deep");
    table("/srv");
    SHOW(mount("a", "c", NULL, MS_BIND, NULL));
    SHOW(access("c/b/deep", F_OK));
    SHOW(umount("c"));
    SHOW(mount("a", "c", NULL, MS_BIND | MS_REC, NULL));
    SHOW(access("c/b/deep", F_OK));
    table("/srv/c");
    SHOW(mount(NULL, "c", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    SHOW(open("c/new", O_CREAT | O_WRONLY, 0600));
    OK(open("a/new", O_CREAT | O_WRONLY, 0600));
    table("/srv/c");
    SHOW(mount(NULL, "c/b/deep", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    SHOW(mount(NULL, "a/b", NULL, MS_REMOUNT, "size=2m"));
    SHOW(mount(NULL, "a/b", NULL, MS_REMOUNT, "size=x"));
    table("/srv/a");
    SHOW(umount("c"));
    SHOW(umount2("c", MNT_DETACH | 64));
    SHOW(umount2("c", MNT_DETACH));
    table("/srv/c");
    SHOW(mount("file", "e", NULL, MS_BIND, NULL));
    SHOW(mount("a", "file", NULL, MS_BIND, NULL));
    SHOW(mount("gone", "e", NULL, MS_BIND, NULL));
    SHOW(mount("", "e", NULL, MS_BIND, NULL));
    SHOW(mount("a/b/deep", "file", NULL, MS_BIND, NULL));
    show_file("file");
    table("/srv/file");
    SHOW(umount("file"));
    show_file("file");
    SHOW(mount("x", "e", "nosuchfs", 0, NULL));
    SHOW(mount("x", "e", NULL, 0, NULL));
    SHOW(mount("x", "e", "tmpfs", 0, "bogus=1"));
    SHOW(mount("x", "e", "tmpfs", 0, "size=1q"));
    SHOW(mount("x", "e", "tmpfs", 0, "mode=9"));
    SHOW(mount("x", "file", "tmpfs", 0, NULL));

    /* Moving. */
    SHOW(mount("a", "e", NULL, MS_MOVE, NULL));
    table("/srv");
    SHOW(mount("e", "e/b", NULL, MS_MOVE, NULL));
    SHOW(mount("e", "file", NULL, MS_MOVE, NULL));
    SHOW(mount("d", "f", NULL, MS_MOVE, NULL));
    SHOW(mount("e", "a", NULL, MS_MOVE, NULL));

    /* Propagation. */
    SHOW(mount(NULL, "d", NULL, MS_SHARED, NULL));
    SHOW(mount("d", "d", NULL, MS_BIND, NULL));
    SHOW(mount(NULL, "d", NULL, MS_SHARED | MS_PRIVATE, NULL));
    SHOW(mount(NULL, "d", NULL, MS_SHARED, NULL));
    SHOW(mount("d", "c", NULL, MS_BIND, NULL));
    SHOW(mount("d", "f", NULL, MS_BIND, NULL));
    SHOW(mount(NULL, "f", NULL, MS_SLAVE, NULL));
    make("d/x"), make("d/y");
    SHOW(mount("p", "d/x", "tmpfs", 0, "size=4k"));
    table("/srv");
    SHOW(mount("q", "f/y", "tmpfs", 0, "size=8k"));
    table("/srv/d"), table("/srv/c"), table("/srv/f");
    SHOW(umount("f/y"));
    SHOW(umount("c/x"));
    table("/srv");
    SHOW(mount(NULL, "f", NULL, MS_SHARED, NULL));
    make("e/under");
    SHOW(mount("f", "e/under", NULL, MS_BIND, NULL));
    SHOW(mount("r", "d/y", "tmpfs", 0, "size=8k"));
    table("/srv");
    SHOW(mount("d", "e", NULL, MS_MOVE, NULL));
    SHOW(mount("d/y", "e", NULL, MS_MOVE, NULL));
    SHOW(umount2("d", MNT_DETACH));
    table("/srv");
    SHOW(mount(NULL, "c", NULL, MS_UNBINDABLE, NULL));
    SHOW(mount("c", "d", NULL, MS_BIND, NULL));
    SHOW(mount("/srv", "e", NULL, MS_BIND | MS_REC, NULL));
    table("/srv");
    SHOW(umount2("e", MNT_DETACH));

    /* Expiry. */
    SHOW(mount("z", "e", "tmpfs", 0, NULL));
    SHOW(umount2("e", MNT_EXPIRE | MNT_DETACH));
    SHOW(umount2("e", MNT_EXPIRE));
    SHOW(umount2("e", MNT_EXPIRE));
    SHOW(umount2("e", MNT_EXPIRE));

    /* A new root. */
    SHOW(pivot("/srv/nothing", "/srv"));
    SHOW(pivot("/srv/file", "/srv"));
    SHOW(pivot("/srv/e", "/srv/e"));
    SHOW(pivot("/", "/srv"));
    SHOW(mount("root", "d", "tmpfs", 0, "mode=755"));
    SHOW(pivot("d", "c"));
    make("d/old");
    put("d/inside", "in the new root");
    SHOW(pivot("d", "d/old"));
    char cwd[100];
    SHOW(access("/inside", F_OK));
    SHOW(access("/old/srv/file", F_OK));
    SHOW(chdir("/"));
    show_file("inside");
    SHOW(umount2("/old", MNT_DETACH));
    SHOW(rmdir("/old"));
    SHOW(mount("again", "/", "tmpfs", 0, NULL));
    SHOW(access("/inside", F_OK));
    SHOW(umount2("/", MNT_DETACH));
    return 0;
}

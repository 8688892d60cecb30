// admin
#include "mount_table.h"

/* By place: which of its peers hears first of a mount is not compared. */
static void table(const char *top) {
    FILE *f = popen("sort -s -k 5,5 /proc/self/mountinfo", "r");
    table_of(f, top);
    pclose(f);
}
/* MOVE_MOUNT_SET_GROUP: who may get whose peers and master, and what is heard then. */
static long set(const char *from, const char *to) { return syscall(SYS_move_mount, AT_FDCWD, from, AT_FDCWD, to, 0x100); }
static void bound(const char *from, const char *to, unsigned long kind) {
    MUST(mount(from, to, NULL, MS_BIND, NULL));
    MUST(mount(NULL, to, NULL, kind, NULL));
}

int main(void) {
    alarm(20);
    MUST(unshare(CLONE_NEWNS));
    MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    MUST(mkdir("/tmp/set_group", 0755));
    MUST(mount("top", "/tmp/set_group", "tmpfs", 0, NULL)), MUST(chdir("/tmp/set_group"));
    for (const char *p = "abcdefgh"; *p; p++) MUST(mkdir((char[]){*p, 0}, 0755));
    MUST(mount("one", "a", "tmpfs", 0, NULL)), MUST(mkdir("a/sub", 0755)), MUST(mkdir("a/sub/x", 0755)), MUST(mount(NULL, "a", NULL, MS_SHARED, NULL));
    bound("a", "b", MS_PRIVATE), bound("a/sub", "c", MS_PRIVATE), bound("a", "d", MS_UNBINDABLE);
    MUST(mount("two", "e", "tmpfs", 0, NULL));
    SHOW(set("a", "a")), SHOW(set("b", "a")), SHOW(set("a", "e")), SHOW(set("a", "f")), SHOW(set("a/sub", "b")), SHOW(set("a", "nothing")), SHOW(set("c", "b"));
    SHOW(syscall(SYS_move_mount, AT_FDCWD, "a", AT_FDCWD, "b", 0x300)), SHOW(syscall(SYS_move_mount, AT_FDCWD, "a", AT_FDCWD, "b", 0x400));
    SHOW(set("a", "b")), SHOW(set("a", "b")), SHOW(set("a", "c")), SHOW(set("c", "d")), SHOW(set("a", "d")), table("/tmp/set_group");
    SHOW(mount("below", "c/x", "tmpfs", 0, NULL)), table("/tmp/set_group"), SHOW(umount("a/sub/x"));
    /* a slave, and a slave that is shared */
    bound("a", "f", MS_SLAVE), bound("a", "g", MS_PRIVATE), SHOW(set("f", "g")), table("/tmp/set_group");
    MUST(mount(NULL, "f", NULL, MS_SHARED, NULL)), bound("a", "h", MS_PRIVATE), SHOW(set("f", "h")), table("/tmp/set_group");
    SHOW(mount("below", "h/sub", "tmpfs", 0, NULL)), table("/tmp/set_group"), SHOW(umount("f/sub"));
    SHOW(mount("below", "a/sub", "tmpfs", 0, NULL)), table("/tmp/set_group");
    /* not one that is not attached, or of others */
    int tree = MUST(syscall(SYS_open_tree, AT_FDCWD, "b", 1));
    SHOW(syscall(SYS_move_mount, tree, "", AT_FDCWD, "e", 0x104)), SHOW(syscall(SYS_move_mount, AT_FDCWD, "a", tree, "", 0x140));
    chdir("/"), umount2("/tmp/set_group", MNT_DETACH), rmdir("/tmp/set_group");
    return 0;
}

// admin
#include "mount_table.h"

/* MOVE_MOUNT_BENEATH: a mount comes under the topmost one of a place, and is seen when that goes. */
static void table(void) {
    FILE *f = popen("awk '{print $5, $(NF-1), $0}' /proc/self/mountinfo | LC_ALL=C sort | cut -d' ' -f3-", "r");
    table_of(f, "/tmp/beneath");
    pclose(f);
}
static long under(const char *from, const char *to) { return syscall(SYS_move_mount, AT_FDCWD, from, AT_FDCWD, to, 0x200); }
static void fresh(const char *name, const char *to) {
    char path[64];
    MUST(mount(name, to, "tmpfs", 0, NULL));
    snprintf(path, sizeof path, "%s/%s", to, name);
    put(path, name);
}
static void here(const char *where) {
    DIR *d = opendir(where);
    struct dirent *e;
    char names[8][32];
    int n = 0;
    while ((e = readdir(d)))
        if (*e->d_name != '.' && n < 8) snprintf(names[n++], 32, "%s", e->d_name);
    closedir(d);
    qsort(names, n, 32, (int (*)(const void *, const void *))strcmp);
    printf("%s:", where);
    for (int i = 0; i < n; i++) printf(" %s", names[i]);
    printf("\n");
}

int main(void) {
    alarm(30);
    MUST(unshare(CLONE_NEWNS));
    MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    MUST(mkdir("/tmp/beneath", 0755));
    MUST(mount("top", "/tmp/beneath", "tmpfs", 0, NULL)), MUST(chdir("/tmp/beneath"));
    for (const char *p = "abcdefgh"; *p; p++) MUST(mkdir((char[]){*p, 0}, 0755));
    fresh("one", "a"), fresh("two", "b");
    put("file", "x");
    SHOW(under("a", "c")), SHOW(under("c", "a")), SHOW(under("a", "file")), SHOW(under("a", "a")), SHOW(under("a", "nothing")), SHOW(under("a", "/"));
    SHOW(syscall(SYS_move_mount, AT_FDCWD, "a", AT_FDCWD, "b", 0x300)), SHOW(under("/proc", "/tmp/beneath/a/one"));
    SHOW(under("a", "b")), here("a"), here("b"), table();
    SHOW(umount("b")), here("b"), SHOW(umount("b")), here("b");
    /* below what is below it, and with what hangs below it */
    fresh("one", "a"), MUST(mkdir("a/sub", 0755)), fresh("low", "a/sub"), fresh("two", "b");
    SHOW(under("a/sub", "a")), SHOW(under("a", "a/sub"));
    SHOW(under("a", "b")), here("b"), table(), SHOW(umount("b")), here("b"), here("b/sub"), SHOW(umount("b")), SHOW(umount2("b", MNT_DETACH));
    /* a tree that is attached nowhere; twice */
    fresh("one", "a"), fresh("two", "b");
    int tree = MUST(syscall(SYS_open_tree, AT_FDCWD, "a", 1)), again = MUST(syscall(SYS_open_tree, AT_FDCWD, "a", 1));
    SHOW(syscall(SYS_move_mount, tree, "", AT_FDCWD, "c", 0x204));
    SHOW(syscall(SYS_move_mount, tree, "", AT_FDCWD, "b", 0x204));
    SHOW(syscall(SYS_move_mount, again, "", AT_FDCWD, "b", 0x204));
    close(tree), close(again), table(), here("b");
    for (int i = 0; i < 3; i++) SHOW(umount("b")), here("b");
    MUST(umount("a"));
    /* where others hear of it */
    MUST(mount(NULL, ".", NULL, MS_SHARED, NULL)), MUST(mount("/tmp/beneath", "h", NULL, MS_BIND, NULL)), MUST(mount("none", "h", NULL, MS_SLAVE, NULL));
    fresh("one", "a");
    SHOW(under("a", "h")), table();
    tree = MUST(syscall(SYS_open_tree, AT_FDCWD, "h/b", 1));
    fresh("two", "b"), here("h/b");
    int clone = MUST(syscall(SYS_open_tree, AT_FDCWD, "a", 1));
    SHOW(syscall(SYS_move_mount, clone, "", AT_FDCWD, "b", 0x204)), close(clone), close(tree), table();
    SHOW(umount("b")), here("b"), here("h/b"), table(), SHOW(umount("b")), here("b"), here("h/b");
    /* a slave has something of its own there: what comes is put beneath it */
    fresh("own", "h/c"), fresh("all", "c"), here("c"), here("h/c"), table();
    SHOW(umount("h/c")), here("h/c"), SHOW(umount("c")), here("h/c"), table();
    chdir("/"), umount2("/tmp/beneath", MNT_DETACH), rmdir("/tmp/beneath");
    return 0;
}

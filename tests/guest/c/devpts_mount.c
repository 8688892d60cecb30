// private admin
#include "t.h"
#include <sys/mount.h>
#include <termios.h>
/* devpts, mounted by a program: each mount has terminals of its own. */

static void show(const char *path) {
    struct stat s;
    if (stat(path, &s)) printf("%s: %s\n", path, ename(errno));
    else printf("%s: %o uid %d gid %d dev %lx\n", path, s.st_mode, s.st_uid, s.st_gid, (long)s.st_rdev);
}
static void list(const char *path) {
    DIR *d = opendir(path);
    struct dirent *e;
    int names = 0;
    while ((e = readdir(d))) names += e->d_name[0] != '.';
    printf("%s: %d names\n", path, names);
    closedir(d);
}
/* Whether a change of mode, or of the owner, is one of the inode's ctime. */
static int moves(const char *path, int owner) {
    struct stat before, after;
    MUST(stat(path, &before));
    for (int i = 0; i < 2000; i++) {
        MUST(owner ? chown(path, 7, 8) : chmod(path, 0600)), MUST(stat(path, &after));
        if (memcmp(&before.st_ctim, &after.st_ctim, sizeof after.st_ctim)) return 1;
        usleep(1000);
    }
    return 0;
}
int main(void) {
    MUST(unshare(CLONE_NEWNS)), MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    MUST(mkdir("a", 0755)), MUST(mkdir("b", 0755));
    SHOW(mount("x", "a", "devpts", 0, "odd"));
    SHOW(mount("x", "a", "devpts", 0, "mode=9"));
    SHOW(mount("x", "a", "devpts", 0, "uid=x"));
    SHOW(mount("x", "a", "devpts", 0, "newinstance,ptmxmode=0666,mode=0620,gid=5,max=2"));
    SHOW(mount("y", "b", "devpts", 0, NULL));
    show("a"), show("a/ptmx"), show("b/ptmx");
    list("a"), list("b");
    int m = OK(open("a/ptmx", O_RDWR | O_NOCTTY)), number = -1, zero = 0;
    SHOW(ioctl(m, TIOCGPTN, &number));
    VAL(number);
    list("a"), list("b"), show("a/0"), show("b/0");
    SHOW(open("a/0", O_RDWR | O_NOCTTY));
    SHOW(ioctl(m, TIOCSPTLCK, &zero));
    int s = OK(open("a/0", O_RDWR | O_NOCTTY)), again = OK(open("a/ptmx", O_RDWR | O_NOCTTY));
    char b[8] = {0};
    SHOW(write(m, "hi\n", 3)), SHOW(read(s, b, 8)), VAL(b[0] == 'h');
    SHOW(open("a/ptmx", O_RDWR | O_NOCTTY));
    show("a/1");
    close(again);
    show("a/1");
    SHOW(mkdir("a/d", 0755)), SHOW(unlink("a/0")), SHOW(open("a/new", O_CREAT | O_RDWR, 0600));
    SHOW(chmod("a/0", 0600)), SHOW(chown("a/0", 7, 8));
    show("a/0");
    VAL(moves("a/0", 0)), VAL(moves("a/0", 1)), VAL(moves("a/ptmx", 0));
    SHOW(umount("a"));
    close(s), close(m);
    SHOW(umount("a")), SHOW(umount("b"));
    return 0;
}

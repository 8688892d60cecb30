#include "t.h"

int main(void) {
    struct stat a, b;
    char t[64];
    put("f", "data");
    SHOW(link("f", "g"));
    SHOW(link("f", "g"));
    stat("f", &a), stat("g", &b);
    VAL(a.st_ino == b.st_ino);
    VAL(a.st_nlink);
    SHOW(link("none", "h"));
    MUST(mkdir("d", 0755));
    SHOW(link("d", "dd"));
    SHOW(symlink("f", "s"));
    SHOW(symlink("f", "s"));
    SHOW(symlink("", "e"));
    SHOW(link("s", "s2"));
    show_mode("s2");
    SHOW(linkat(AT_FDCWD, "s", AT_FDCWD, "s3", AT_SYMLINK_FOLLOW));
    show_mode("s3");
    SHOW(linkat(AT_FDCWD, "s", AT_FDCWD, "s4", 1));
    memset(t, 0, sizeof t);
    SHOW(readlink("s", t, sizeof t));
    STR(t);
    SHOW(readlink("f", t, 10));
    SHOW(readlink("s", t, 0));
    SHOW(readlink("s", BAD, 10));
    SHOW(readlink("none", t, 10));
    MUST(symlink("a-long-target", "long"));
    memset(t, 0, sizeof t);
    SHOW(readlink("long", t, 4));
    STR(t);
    SHOW(unlink("f"));
    SHOW(unlink("f"));
    SHOW(unlink("d"));
    SHOW(unlink("s"));
    show_file("g");
    int fd = MUST(open("g", O_RDONLY));
    SHOW(unlink("g"));
    fstat(fd, &a);
    VAL(a.st_nlink);
    SHOW(unlink("d/"));
    SHOW(unlink("long/"));
    SHOW(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR));
    SHOW(unlinkat(AT_FDCWD, "long", 0x10));
    return 0;
}

#include "t.h"

int main(void) {
    struct stat s;
    SHOW(mkdir("d", 0700));
    SHOW(mkdir("d", 0700));
    SHOW(mkdir("d/e/f", 0700));
    SHOW(mkdir("d/e/", 0755));
    stat("d", &s);
    VAL(s.st_nlink);
    SHOW(rmdir("d"));
    SHOW(rmdir("d/e/."));
    SHOW(rmdir("d/e/.."));
    SHOW(rmdir("."));
    put("f", "");
    SHOW(rmdir("f"));
    SHOW(mkdir("f", 0700));
    SHOW(mkdir("f/g", 0700));
    SHOW(chdir("f"));
    SHOW(chdir("none"));
    SHOW(chdir("d/e"));
    put("here", "x");
    SHOW(chdir("../.."));
    SHOW(access("d/e/here", F_OK));
    int fd = MUST(open("d", O_RDONLY));
    SHOW(fchdir(fd));
    SHOW(access("e/here", F_OK));
    int file = MUST(open("e/here", O_RDONLY));
    SHOW(fchdir(file));
    SHOW(fchdir(-1));
    MUST(unlink("e/here"));
    MUST(chdir("e"));
    SHOW(rmdir("../e"));
    char b[100];
    SHOW(getcwd(b, sizeof b) ? 0 : -1);
    SHOW(open("new", O_CREAT | O_RDWR, 0600));
    SHOW(chdir(".."));
    umask(0);
    SHOW(mkdir("all", 07777));
    show_mode("all");
    MUST(mkdir("sg", 0755));
    MUST(chown("sg", 0, 5));
    MUST(chmod("sg", 02755));
    MUST(mkdir("sg/in", 0755));
    stat("sg/in", &s);
    VAL(s.st_gid);
    show_mode("sg/in");
    return 0;
}

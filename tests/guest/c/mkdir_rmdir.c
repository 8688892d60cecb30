// private
#include "t.h"

int main(void) {
    umask(022);
    MUST(mkdir("d", 0777));
    put("f", "x");
    MUST(symlink("d", "l"));
    MUST(symlink("nothing", "dangling"));
    SHOW(mkdir("d", 0777));
    SHOW(mkdir("f", 0777));
    SHOW(mkdir("l", 0777));
    SHOW(mkdir("dangling", 0777));
    SHOW(mkdir("f/x", 0777));
    SHOW(mkdir("no/x", 0777));
    SHOW(mkdir("", 0777));
    SHOW(mkdir("/", 0777));
    SHOW(mkdir(".", 0777));
    SHOW(mkdir("..", 0777));
    SHOW(mkdir("d/.", 0777));
    SHOW(mkdir("s/", 01777));
    show_mode("s");
    SHOW(mkdir("t//", 06777));
    show_mode("t");
    SHOW(mkdir("d/sub", 0));
    show_mode("d/sub");
    SHOW(rmdir("d"));
    SHOW(rmdir("d/sub/."));
    SHOW(rmdir("d/sub/.."));
    SHOW(rmdir("."));
    SHOW(rmdir("/"));
    SHOW(rmdir("l"));
    SHOW(rmdir("l/"));
    SHOW(rmdir("f"));
    SHOW(rmdir("no"));
    SHOW(rmdir(""));
    SHOW(unlinkat(AT_FDCWD, "d", 0));
    SHOW(unlinkat(AT_FDCWD, "f", AT_REMOVEDIR));
    SHOW(unlinkat(AT_FDCWD, "d/sub", AT_REMOVEDIR));
    SHOW(unlinkat(AT_FDCWD, "d", 1));
    SHOW(unlink("f/"));
    SHOW(unlink("d/"));
    SHOW(unlink("l/"));
    SHOW(mkdirat(99, "x", 0777));
    SHOW(mkdirat(open("f", O_RDONLY), "x", 0777));
    return 0;
}

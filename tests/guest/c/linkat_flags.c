// private
#include "t.h"

int main(void) {
    put("f", "x");
    MUST(symlink("f", "l"));
    MUST(mkdir("d", 0755));
    SHOW(linkat(AT_FDCWD, "l", AT_FDCWD, "hard-l", 0));
    show_mode("hard-l");
    SHOW(linkat(AT_FDCWD, "l", AT_FDCWD, "hard-f", AT_SYMLINK_FOLLOW));
    show_mode("hard-f");
    SHOW(linkat(AT_FDCWD, "f", AT_FDCWD, "x", 0x1));
    SHOW(linkat(AT_FDCWD, "d", AT_FDCWD, "x", 0));
    SHOW(linkat(AT_FDCWD, "f", AT_FDCWD, "d", 0));
    SHOW(linkat(AT_FDCWD, "f", AT_FDCWD, "no/x", 0));
    SHOW(linkat(AT_FDCWD, "no", AT_FDCWD, "f", 0));
    SHOW(linkat(AT_FDCWD, "f", AT_FDCWD, "x/", 0));
    SHOW(linkat(AT_FDCWD, "", AT_FDCWD, "x", 0));
    SHOW(linkat(AT_FDCWD, "f", AT_FDCWD, "", 0));
    SHOW(linkat(99, "f", AT_FDCWD, "x", 0));
    SHOW(linkat(99, "/no", AT_FDCWD, "x", 0));
    SHOW(linkat(AT_FDCWD, BAD, AT_FDCWD, "x", 0));
    int f = MUST(open("f", O_RDONLY));
    MUST(unlink("f"));
    MUST(unlink("hard-f"));
    SHOW(linkat(AT_FDCWD, "l", AT_FDCWD, "x", AT_SYMLINK_FOLLOW));
    struct stat s;
    MUST(fstat(f, &s));
    VAL(s.st_nlink);
    return 0;
}

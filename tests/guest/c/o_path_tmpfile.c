// private
#include "t.h"

int main(void) {
    char b[64] = {0}, p[64];
    put("f", "contents");
    int o = MUST(open("f", O_PATH));
    SHOW(openat(o, "", O_RDONLY));
    sprintf(p, "/proc/self/fd/%d", o);
    int r = OK(open(p, O_RDONLY));
    SHOW(read(r, b, 8));
    STR(b);
    symlink("f", "l");
    int l = OK(open("l", O_PATH | O_NOFOLLOW));
    SHOW(readlinkat(l, "", b, 8));
    int t = open(".", O_TMPFILE | O_RDWR, 0640);
    if (t >= 0) {
        SHOW(write(t, "nameless", 8));
        struct stat s;
        fstat(t, &s);
        VAL(s.st_nlink);
        sprintf(p, "/proc/self/fd/%d", t);
        SHOW(linkat(AT_FDCWD, p, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
        show_file("named");
    }
    SHOW(open("f", O_TMPFILE | O_RDWR, 0600));
    SHOW(open(".", O_TMPFILE | O_RDONLY, 0600));
    return 0;
}

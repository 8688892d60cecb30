#include "t.h"
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#define CHMOD(d, p, m, f) syscall(SYS_fchmodat2, d, p, m, f)

int main(void) {
    MUST(mkdir("d", 0755));
    put("d/f", "x");
    MUST(symlink("f", "d/l"));
    int d = MUST(open("d", O_RDONLY)), path = MUST(open("d/f", O_PATH));
    SHOW(CHMOD(d, "f", 0600, 0));
    show_mode("d/f");
    SHOW(CHMOD(d, "l", 0640, 0));
    show_mode("d/f");
    SHOW(CHMOD(d, "f", 0444, AT_SYMLINK_NOFOLLOW));
    show_mode("d/f");
    SHOW(CHMOD(path, "", 0711, AT_EMPTY_PATH));
    show_mode("d/f");
    SHOW(CHMOD(d, "", 0700, AT_EMPTY_PATH));
    show_mode("d");
    SHOW(CHMOD(d, "", 0700, 0));
    SHOW(CHMOD(d, "none", 0700, 0));
    SHOW(CHMOD(d, "f", 0700, AT_SYMLINK_FOLLOW));
    SHOW(CHMOD(99, "f", 0700, 0));
    SHOW(CHMOD(d, BAD, 0700, 0));
    SHOW(CHMOD(d, "f", 07777, 0));
    show_mode("d/f");
    SHOW(CHMOD(d, "f", 0170000 | 0600, 0));
    show_mode("d/f");
    SHOW(fchmodat(d, "f", 0640, 0));
    return 0;
}

#include "t.h"
#define ACCESS(d, p, m, f) syscall(439, d, p, m, f)

int main(void) {
    MUST(chmod(".", 0755));
    put("f", "x");
    MUST(chmod("f", 0640));
    MUST(mkdir("d", 0700));
    put("d/x", "");
    MUST(symlink("d/x", "l"));
    SHOW(ACCESS(AT_FDCWD, "f", R_OK | W_OK, 0));
    SHOW(ACCESS(AT_FDCWD, "f", X_OK, 0));
    SHOW(ACCESS(AT_FDCWD, "f", 8, 0));
    SHOW(ACCESS(AT_FDCWD, "f", F_OK, 1));
    SHOW(ACCESS(AT_FDCWD, "", F_OK, 0));
    SHOW(ACCESS(open("f", O_PATH), "", R_OK, AT_EMPTY_PATH));
    SHOW(ACCESS(99, "f", F_OK, 0));
    SHOW(ACCESS(AT_FDCWD, "no", F_OK, 0));
    SHOW(ACCESS(AT_FDCWD, "f/x", F_OK, 0));
    SHOW(ACCESS(AT_FDCWD, BAD, F_OK, 0));
    pid_t p = MUST(fork());
    if (!p) {
        MUST(setresuid(1000, 0, 0)); /* real nobody, effective root */
        SHOW(access("f", R_OK));
        SHOW(access("f", F_OK));
        SHOW(access("l", F_OK));
        SHOW(ACCESS(AT_FDCWD, "f", R_OK, AT_EACCESS));
        SHOW(ACCESS(AT_FDCWD, "l", F_OK, AT_EACCESS));
        SHOW(ACCESS(AT_FDCWD, "l", F_OK, AT_SYMLINK_NOFOLLOW));
        MUST(setresuid(1000, 1000, 1000));
        SHOW(ACCESS(AT_FDCWD, "f", R_OK, AT_EACCESS));
        SHOW(access(".", W_OK));
        SHOW(access(".", X_OK));
        _exit(0);
    }
    reap(p);
    return 0;
}

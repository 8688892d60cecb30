#include "t.h"

int main(void) {
    put("f", "x");
    MUST(chmod("f", 0600));
    SHOW(access("f", F_OK));
    SHOW(access("f", R_OK | W_OK));
    SHOW(access("f", X_OK));
    SHOW(access("none", F_OK));
    SHOW(access("f", 8));
    SHOW(access("f/x", F_OK));
    SHOW(access(BAD, F_OK));
    MUST(mkdir("d", 0000));
    SHOW(access("d", R_OK | W_OK | X_OK));
    put("d/in", "");
    MUST(chmod(".", 0777));
    if (fork() == 0) {
        MUST(setgid(1000));
        MUST(setuid(1000));
        SHOW(access("f", F_OK));
        SHOW(access("f", R_OK));
        SHOW(access("f", W_OK));
        SHOW(access("d/in", F_OK));
        SHOW(open("f", O_RDONLY));
        SHOW(open("d/in", O_RDONLY));
        SHOW(chdir("d"));
        SHOW(chmod("f", 0777));
        SHOW(chown("f", 1000, 1000));
        SHOW(truncate("f", 0));
        SHOW(rename("f", "g"));
        SHOW(unlink("g"));
        _exit(0);
    }
    wait(NULL);
    if (fork() == 0) {
        MUST(setresuid(1000, 0, 0));
        put("mine", "");
        MUST(chmod("mine", 0600));
        SHOW(access("mine", R_OK));
        SHOW(faccessat(AT_FDCWD, "mine", R_OK, AT_EACCESS));
        SHOW(syscall(SYS_faccessat2, AT_FDCWD, "mine", R_OK, AT_EACCESS));
        SHOW(syscall(SYS_faccessat2, AT_FDCWD, "mine", R_OK, 1));
        _exit(0);
    }
    wait(NULL);
    return 0;
}

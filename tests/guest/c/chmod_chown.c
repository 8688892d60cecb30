#include "t.h"

int main(void) {
    struct stat s;
    put("f", "x");
    for (int m = 0; m <= 07777; m += 01111) {
        MUST(chmod("f", m));
        stat("f", &s);
        printf("%o ", s.st_mode);
    }
    puts("");
    SHOW(chmod("none", 0));
    SHOW(chmod(BAD, 0));
    MUST(chmod("f", 06755));
    SHOW(chown("f", 1, 2));
    stat("f", &s);
    printf("%o %d %d\n", s.st_mode, s.st_uid, s.st_gid);
    SHOW(chown("f", -1, 7));
    SHOW(chown("f", 9, -1));
    stat("f", &s);
    printf("%d %d\n", s.st_uid, s.st_gid);
    int fd = MUST(open("f", O_RDONLY));
    SHOW(fchmod(fd, 0604));
    SHOW(fchown(fd, 3, 4));
    SHOW(fchmod(-1, 0));
    SHOW(fchown(-1, 0, 0));
    MUST(symlink("f", "l"));
    SHOW(lchown("l", 5, 6));
    lstat("l", &s);
    printf("%d %d\n", s.st_uid, s.st_gid);
    stat("l", &s);
    printf("%d %d\n", s.st_uid, s.st_gid);
    SHOW(fchmodat(AT_FDCWD, "l", 0640, 0));
    show_mode("f");
    SHOW(fchownat(fd, "", 1, 1, AT_EMPTY_PATH));
    SHOW(fchownat(fd, "", 1, 1, 0));
    int o = MUST(open("f", O_PATH));
    SHOW(fchmod(o, 0600));
    SHOW(syscall(SYS_fchmodat, o, "", 0600));
    MUST(chmod("f", 06777));
    if (fork() == 0) {
        MUST(setgroups(0, NULL));
        MUST(setresgid(50, 50, 50));
        MUST(setresuid(1, 1, 1));
        SHOW(chown("f", 1, 50));
        SHOW(chown("f", 2, -1));
        int w = MUST(open("f", O_WRONLY));
        MUST(chmod("f", 06777));
        show_mode("f");
        SHOW(write(w, "y", 1));
        show_mode("f");
        _exit(0);
    }
    wait(NULL);
    return 0;
}

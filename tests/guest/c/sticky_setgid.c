#include "t.h"

int main(void) {
    struct stat s;
    MUST(mkdir("t", 0777)), MUST(chmod("t", 01777)), MUST(mkdir("g", 0777)), MUST(chown("g", 0, 77)), MUST(chmod("g", 02777)), MUST(chmod(".", 0777));
    put("t/root", "");
    MUST(chmod("t/root", 0666));
    if (fork() == 0) {
        MUST(setgroups(0, NULL)), MUST(setgid(1000)), MUST(setuid(1000));
        umask(0);
        SHOW(unlink("t/root")), SHOW(rename("t/root", "t/mine"));
        put("t/own", "");
        SHOW(rename("t/own", "t/own2")), SHOW(unlink("t/own2"));
        close(MUST(open("g/f", O_CREAT | O_RDWR, 02777)));
        stat("g/f", &s);
        printf("%o %d %d\n", s.st_mode, s.st_uid, s.st_gid);
        MUST(mkdir("g/d", 0777));
        stat("g/d", &s);
        printf("%o %d\n", s.st_mode, s.st_gid);
        SHOW(chmod("g/f", 02755));
        stat("g/f", &s);
        printf("%o\n", s.st_mode);
        SHOW(chown("g/f", -1, 5)), SHOW(chown("g/f", -1, 1000)), SHOW(chmod("t", 0700)), SHOW(utimensat(AT_FDCWD, "t/root", NULL, 0));
        struct timespec z[2] = {{1, 0}, {1, 0}};
        SHOW(utimensat(AT_FDCWD, "t/root", z, 0));
        _exit(0);
    }
    wait(NULL);
    return 0;
}

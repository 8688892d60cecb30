#include "t.h"

int main(void) {
    struct stat s;
    struct timespec t[2] = {{1000, 5}, {2000, 6}};
    put("f", "x");
    SHOW(utimensat(AT_FDCWD, "f", t, 0));
    stat("f", &s);
    printf("%ld.%09ld %ld.%09ld\n", s.st_atim.tv_sec, s.st_atim.tv_nsec, s.st_mtim.tv_sec, s.st_mtim.tv_nsec);
    t[0].tv_nsec = UTIME_OMIT, t[1].tv_sec = 3000;
    SHOW(utimensat(AT_FDCWD, "f", t, 0));
    stat("f", &s);
    printf("%ld %ld\n", s.st_atim.tv_sec, s.st_mtim.tv_sec);
    t[1].tv_nsec = UTIME_NOW;
    SHOW(utimensat(AT_FDCWD, "f", t, 0));
    stat("f", &s);
    VAL(s.st_mtim.tv_sec > 1700000000);
    t[1].tv_nsec = 1000000000;
    SHOW(utimensat(AT_FDCWD, "f", t, 0));
    t[1].tv_nsec = UTIME_OMIT;
    SHOW(utimensat(AT_FDCWD, "none", t, 0));
    SHOW(utimensat(AT_FDCWD, "none", NULL, 0));
    SHOW(utimensat(AT_FDCWD, "f", BAD, 0));
    SHOW(utimensat(AT_FDCWD, "f", NULL, 0x4000));
    int fd = MUST(open("f", O_RDONLY));
    t[0] = t[1] = (struct timespec){42, 0};
    SHOW(futimens(fd, t));
    fstat(fd, &s);
    printf("%ld %ld\n", s.st_atim.tv_sec, s.st_mtim.tv_sec);
    MUST(symlink("f", "l"));
    t[0].tv_sec = 7;
    SHOW(utimensat(AT_FDCWD, "l", t, AT_SYMLINK_NOFOLLOW));
    lstat("l", &s);
    VAL(s.st_mtim.tv_sec);
    struct utimbuf u = {11, 12};
    SHOW(utime("f", &u));
    struct timeval v[2] = {{13, 500000}, {14, 1000000}};
    SHOW(utimes("f", v));
    v[1].tv_usec = 7;
    SHOW(utimes("f", v));
    stat("f", &s);
    printf("%ld.%09ld %ld.%09ld\n", s.st_atim.tv_sec, s.st_atim.tv_nsec, s.st_mtim.tv_sec, s.st_mtim.tv_nsec);
    return 0;
}

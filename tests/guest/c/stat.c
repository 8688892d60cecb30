#include "t.h"

int main(void) {
    struct stat s;
    put("f", "12345");
    SHOW(stat("f", &s));
    printf("%o %ld %ld %d %d %ld\n", s.st_mode, (long)s.st_nlink, (long)s.st_size, s.st_uid, s.st_gid, (long)s.st_rdev);
    VAL(s.st_blksize > 0);
    VAL(S_ISREG(s.st_mode));
    int fd = MUST(open("f", O_RDONLY));
    struct stat t;
    SHOW(fstat(fd, &t));
    VAL(s.st_ino == t.st_ino && s.st_dev == t.st_dev);
    SHOW(stat("none", &s));
    SHOW(stat("f", BAD));
    SHOW(stat(BAD, &s));
    SHOW(fstat(77, &s));
    SHOW(fstat(fd, BAD));
    SHOW(fstatat(AT_FDCWD, "", &s, 0));
    SHOW(fstatat(fd, "", &s, AT_EMPTY_PATH));
    VAL(s.st_size);
    SHOW(fstatat(fd, "x", &s, 0));
    SHOW(fstatat(77, "x", &s, 0));
    SHOW(fstatat(AT_FDCWD, "f", &s, 0x8000));
    MUST(symlink("f", "l"));
    SHOW(fstatat(AT_FDCWD, "l", &s, AT_SYMLINK_NOFOLLOW));
    printf("%o %ld\n", s.st_mode, (long)s.st_size);
    int p[2];
    MUST(pipe(p));
    fstat(p[0], &s);
    printf("pipe %o\n", s.st_mode);
    int k = socket(AF_UNIX, SOCK_STREAM, 0);
    fstat(k, &s);
    printf("socket %o\n", s.st_mode);
    stat("/dev/null", &s);
    printf("null %o %lx\n", s.st_mode & S_IFMT, (long)s.st_rdev);
    SHOW(stat("f/", &s));
    SHOW(stat("/", &s));
    VAL(S_ISDIR(s.st_mode));
    return 0;
}

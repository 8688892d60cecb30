#include "t.h"

int main(void) {
    struct stat s;
    char b[8] = {0}, l[4096] = {0}, p[64];
    put("f", "data");
    int fd = MUST(open("f", O_RDWR));
    char *m = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    MUST(unlink("f"));
    SHOW(fstat(fd, &s));
    VAL(s.st_nlink);
    strcpy(m, "DATA");
    SHOW(pread(fd, b, 4, 0));
    STR(b);
    put("f", "new");
    SHOW(pread(fd, b, 4, 0));
    sprintf(p, "/proc/self/fd/%d", fd);
    MUST(readlink(p, l, 4095));
    STR(strstr(l, " (deleted)"));
    int again = OK(open(p, O_RDONLY));
    SHOW(read(again, b, 4));
    SHOW(ftruncate(fd, 2)), SHOW(fchmod(fd, 0600)), SHOW(linkat(fd, "", AT_FDCWD, "back", AT_EMPTY_PATH));
    MUST(mkdir("d", 0755));
    int d = MUST(open("d", O_RDONLY));
    MUST(rmdir("d"));
    SHOW(openat(d, "x", O_CREAT | O_RDWR, 0600)), SHOW(fstat(d, &s)), SHOW(mkdirat(d, "y", 0755)), SHOW(unlinkat(d, "x", 0));
    VAL(s.st_nlink);
    return 0;
}

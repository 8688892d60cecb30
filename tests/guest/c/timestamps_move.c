#include "t.h"

static long at(const char *path, int which) {
    struct stat s;
    MUST(stat(path, &s));
    struct timespec t = which == 0 ? s.st_atim : which == 1 ? s.st_mtim : s.st_ctim;
    return t.tv_sec * 1000000000 + t.tv_nsec;
}
int main(void) {
    put("f", "x");
    MUST(mkdir("d", 0755));
    struct timespec t[2] = {{1000, 0}, {1000, 0}};
    utimensat(AT_FDCWD, "f", t, 0);
    utimensat(AT_FDCWD, "d", t, 0);
    long before = at("f", 2);
    nap(20);
    MUST(chmod("f", 0600));
    VAL(at("f", 2) > before);
    VAL(at("f", 1) == 1000000000000);
    int fd = MUST(open("f", O_RDWR));
    before = at("f", 2);
    nap(20);
    MUST(write(fd, "y", 1));
    VAL(at("f", 1) > 1000000000000);
    VAL(at("f", 2) > before);
    VAL(at("d", 1) == 1000000000000);
    put("d/new", "");
    VAL(at("d", 1) > 1000000000000);
    before = at("f", 2);
    nap(20);
    MUST(link("f", "g"));
    VAL(at("f", 2) > before);
    return 0;
}

// private
#include "t.h"

static void owner(const char *path) {
    struct stat s;
    MUST(lstat(path, &s));
    printf("%s %u:%u\n", path, s.st_uid, s.st_gid);
}

int main(void) {
    put("f", "x");
    MUST(symlink("f", "l"));
    int f = MUST(open("f", O_RDONLY)), path = MUST(open("l", O_PATH | O_NOFOLLOW));
    SHOW(fchownat(AT_FDCWD, "l", 1, 2, 0));
    owner("f");
    owner("l");
    SHOW(fchownat(AT_FDCWD, "l", 3, 4, AT_SYMLINK_NOFOLLOW));
    owner("f");
    owner("l");
    SHOW(fchownat(path, "", 5, -1, AT_EMPTY_PATH));
    owner("l");
    SHOW(fchownat(f, "", -1, 6, AT_EMPTY_PATH));
    owner("f");
    SHOW(fchownat(f, "", 1, 1, 0));
    SHOW(fchownat(AT_FDCWD, "f", 1, 1, 0x8000));
    SHOW(fchownat(99, "f", 1, 1, 0));
    SHOW(fchown(path, 1, 1));
    SHOW(fchown(99, 1, 1));
    SHOW(fchown(f, -1, -1));
    SHOW(lchown("l", 7, 8));
    owner("l");
    SHOW(lchown("no", 7, 8));
    SHOW(chown("", 7, 8));
    SHOW(chown(BAD, 7, 8));
    SHOW(fchmod(path, 0600));
    SHOW(fchmod(99, 0600));
    SHOW(fchmodat(AT_FDCWD, "no", 0600, 0));
    return 0;
}

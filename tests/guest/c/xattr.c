#include "t.h"

int main(void) {
    char b[100] = {0};
    put("f", "x");
    SHOW(getxattr("f", "user.a", b, 100));
    SHOW(setxattr("f", "user.a", "value", 5, 0));
    SHOW(getxattr("f", "user.a", b, 100));
    STR(b);
    SHOW(getxattr("f", "user.a", NULL, 0));
    SHOW(getxattr("f", "user.a", b, 2));
    SHOW(setxattr("f", "user.a", "v", 1, XATTR_CREATE));
    SHOW(setxattr("f", "user.b", "v", 1, XATTR_REPLACE));
    SHOW(setxattr("f", "user.b", "v", 1, 8));
    SHOW(setxattr("f", "user.b", "", 0, 0));
    SHOW(getxattr("f", "user.b", b, 100));
    SHOW(listxattr("f", NULL, 0));
    SHOW(listxattr("f", b, 3));
    SHOW(listxattr("f", b, 100));
    SHOW(removexattr("f", "user.a"));
    SHOW(removexattr("f", "user.a"));
    SHOW(setxattr("f", "nonsense", "v", 1, 0));
    SHOW(setxattr("f", "", "v", 1, 0));
    SHOW(setxattr("f", "user.", "v", 1, 0));
    SHOW(setxattr("f", BAD, "v", 1, 0));
    SHOW(setxattr("f", "user.c", BAD, 1, 0));
    SHOW(setxattr("none", "user.c", "v", 1, 0));
    SHOW(setxattr("f", "user.c", b, 70000, 0));
    MUST(symlink("f", "l"));
    SHOW(lsetxattr("l", "user.c", "v", 1, 0));
    SHOW(lgetxattr("l", "user.c", b, 10));
    SHOW(getxattr("l", "user.b", b, 10));
    int fd = MUST(open("f", O_RDONLY));
    SHOW(fsetxattr(fd, "user.d", "dd", 2, 0));
    SHOW(fgetxattr(fd, "user.d", b, 10));
    SHOW(flistxattr(-1, b, 10));
    return 0;
}

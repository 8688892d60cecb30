// private
#include "t.h"

int main(void) {
    char b[256], big[70000] = {0};
    put("f", "x");
    int f = MUST(open("f", O_RDONLY)), path = MUST(open("f", O_PATH));
    SHOW(fsetxattr(f, "user.one", "1", 1, XATTR_CREATE));
    SHOW(fsetxattr(f, "user.one", "1", 1, XATTR_CREATE));
    SHOW(fsetxattr(f, "user.two", "2", 1, XATTR_REPLACE));
    SHOW(fsetxattr(f, "user.one", "", 0, XATTR_REPLACE));
    SHOW(fgetxattr(f, "user.one", b, sizeof b));
    SHOW(fsetxattr(f, "user.one", "1", 1, 4));
    SHOW(fsetxattr(f, "user.big", big, 65537, 0));
    SHOW(fsetxattr(f, "user.", "1", 1, 0));
    SHOW(fsetxattr(path, "user.one", "1", 1, 0));
    SHOW(fgetxattr(path, "user.one", b, 9));
    SHOW(flistxattr(path, b, 9));
    SHOW(fremovexattr(path, "user.one"));
    SHOW(flistxattr(f, NULL, 0));
    SHOW(flistxattr(f, b, 2));
    SHOW(fremovexattr(f, "user.two"));
    SHOW(fremovexattr(f, "user.one"));
    SHOW(flistxattr(f, b, sizeof b));
    SHOW(fremovexattr(99, "user.one"));
    SHOW(syscall(SYS_fremovexattr, f, BAD));
    pid_t p = MUST(fork());
    if (!p) {
        MUST(setuid(1000));
        SHOW(fsetxattr(f, "user.x", "1", 1, 0));
        SHOW(fsetxattr(f, "trusted.x", "1", 1, 0));
        SHOW(fgetxattr(f, "trusted.x", b, 9));
        SHOW(fremovexattr(f, "user.one"));
        _exit(0);
    }
    reap(p);
    return 0;
}

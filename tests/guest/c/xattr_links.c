// private
#include "container_caps.h"

static void list(const char *label, long n, const char *b) {
    printf("%s %ld", label, n);
    for (long i = 0; i < n; i += strlen(b + i) + 1)
        if (!strncmp(b + i, "trusted.", 8) || !strncmp(b + i, "user.", 5)) printf(" %s", b + i);
    printf("\n");
}

int main(void) {
    as_in_container();
    char b[256];
    put("f", "x");
    MUST(symlink("f", "l"));
    SHOW(syscall(SYS_lsetxattr, "l", "trusted.a", "link", 4, 0));
    SHOW(syscall(SYS_setxattr, "l", "trusted.a", "file!", 5, 0));
    SHOW(syscall(SYS_lsetxattr, "l", "user.a", "x", 1, 0));
    SHOW(syscall(SYS_lgetxattr, "l", "trusted.a", b, sizeof b));
    SHOW(syscall(SYS_getxattr, "l", "trusted.a", b, sizeof b));
    list("l", syscall(SYS_llistxattr, "l", b, sizeof b), b);
    list("f", syscall(SYS_listxattr, "l", b, sizeof b), b);
    SHOW(syscall(SYS_llistxattr, "l", b, 3));
    SHOW(syscall(SYS_llistxattr, "l", NULL, 0));
    SHOW(syscall(SYS_llistxattr, "no", b, 3));
    SHOW(syscall(SYS_llistxattr, BAD, b, 3));
    SHOW(syscall(SYS_lremovexattr, "l", "trusted.b"));
    SHOW(syscall(SYS_lremovexattr, "l", "trusted.a"));
    SHOW(syscall(SYS_lremovexattr, "l", "trusted.a"));
    SHOW(syscall(SYS_getxattr, "f", "trusted.a", b, sizeof b));
    SHOW(syscall(SYS_lremovexattr, "l", "user.a"));
    SHOW(syscall(SYS_lremovexattr, "l", ""));
    SHOW(syscall(SYS_lremovexattr, "l", "nonsense.a"));
    return 0;
}

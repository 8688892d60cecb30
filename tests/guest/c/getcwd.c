#include "t.h"

int main(void) {
    char b[4096], small[3];
    MUST(mkdir("a", 0755));
    MUST(mkdir("a/b", 0755));
    MUST(chdir("a/b"));
    long n = syscall(SYS_getcwd, b, sizeof b);
    VAL(n == (long)strlen(b) + 1);
    STR(b + strlen(b) - 4);
    SHOW(syscall(SYS_getcwd, small, sizeof small));
    SHOW(syscall(SYS_getcwd, b, 0));
    SHOW(syscall(SYS_getcwd, BAD, 100));
    SHOW(rename("../b", "../c"));
    MUST(getcwd(b, sizeof b) ? 0 : -1);
    STR(b + strlen(b) - 4);
    MUST(chdir("/"));
    VAL(syscall(SYS_getcwd, b, 2));
    STR(b);
    SHOW(syscall(SYS_getcwd, b, 1));
    return 0;
}

#include "t.h"

int main(void) {
    char name[101];
    memset(name, 'd', 100), name[100] = 0;
    int depth = 0;
    while (depth < 60 && mkdir(name, 0755) == 0 && chdir(name) == 0) depth++;
    VAL(depth);
    put("bottom", "x");
    char b[8192];
    SHOW(syscall(SYS_getcwd, b, 4096));
    SHOW(readlink("/proc/self/cwd", b, sizeof b));
    SHOW(readlink("/proc/self/cwd", b, 10));
    SHOW(dup2(open(".", O_RDONLY), 77));
    SHOW(readlink("/proc/self/fd/77", b, sizeof b));
    SHOW(access("bottom", F_OK));
    SHOW(access("../bottom", F_OK));
    for (int i = 0; i < depth; i++) {
        if (i == 0) unlink("bottom");
        MUST(chdir(".."));
        MUST(rmdir(name));
    }
    char last[8] = "a", next[8];
    put("a", "end");
    for (int i = 0; i < 41; i++) sprintf(next, "l%d", i), MUST(symlink(last, next)), strcpy(last, next);
    SHOW(access("l38", F_OK));
    SHOW(access("l39", F_OK));
    SHOW(access("l40", F_OK));
    SHOW(access(".//./../././a", F_OK) == -1);
    SHOW(mkdir("trailing///", 0755)), SHOW(access("trailing/.", F_OK)), SHOW(open("a/.", O_RDONLY)), SHOW(open("a/..", O_RDONLY));
    return 0;
}

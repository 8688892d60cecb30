#include "t.h"
#define RENAME(a, b, f) syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, f)

int main(void) {
    put("a", "of a");
    put("b", "of b");
    MUST(mkdir("d", 0755));
    MUST(mkdir("d/sub", 0755));
    SHOW(RENAME("a", "b", 1));
    SHOW(RENAME("a", "c", 1));
    SHOW(RENAME("b", "c", 2));
    show_file("b");
    show_file("c");
    SHOW(RENAME("b", "d", 2));
    show_file("d");
    show_mode("b/sub");
    SHOW(RENAME("b", "no", 2));
    SHOW(RENAME("b", "b/sub", 2));
    SHOW(RENAME("b/sub", "b", 2));
    SHOW(RENAME("b", "c", 3));
    SHOW(RENAME("b", "c", 8));
    SHOW(RENAME("b", "b/sub/x", 0));
    SHOW(RENAME("c", "b", 0));
    SHOW(RENAME("b", "c", 0));
    SHOW(RENAME(".", "c", 0));
    SHOW(RENAME("c", "..", 0));
    SHOW(RENAME("c", "c", 1));
    SHOW(RENAME("c", "c", 0));
    SHOW(RENAME("no", "c", 1));
    SHOW(RENAME("c", "new/", 0));
    SHOW(RENAME("b", "new/", 0));
    return 0;
}

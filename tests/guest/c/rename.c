#include "t.h"

int main(void) {
    put("a", "A");
    put("b", "B");
    SHOW(rename("a", "c"));
    SHOW(rename("a", "d"));
    SHOW(rename("b", "c"));
    show_file("c");
    MUST(mkdir("d", 0755));
    MUST(mkdir("e", 0755));
    put("e/x", "x");
    SHOW(rename("c", "d"));
    SHOW(rename("d", "c"));
    SHOW(rename("d", "e"));
    SHOW(rename("e", "d"));
    show_file("d/x");
    SHOW(rename("d", "d/sub"));
    SHOW(rename("d", "d"));
    SHOW(rename("c", "c"));
    SHOW(rename("d/.", "z"));
    SHOW(rename("c/", "z"));
    SHOW(rename("c", "z/"));
    SHOW(rename("d", "y/"));
    MUST(link("c", "c2"));
    SHOW(rename("c", "c2"));
    show_mode("c");
    show_mode("c2");
    SHOW(renameat2(AT_FDCWD, "c", AT_FDCWD, "c2", RENAME_NOREPLACE));
    SHOW(renameat2(AT_FDCWD, "c", AT_FDCWD, "n", RENAME_NOREPLACE));
    put("m", "M");
    SHOW(renameat2(AT_FDCWD, "n", AT_FDCWD, "m", RENAME_EXCHANGE));
    show_file("n");
    SHOW(renameat2(AT_FDCWD, "n", AT_FDCWD, "none", RENAME_EXCHANGE));
    SHOW(renameat2(AT_FDCWD, "n", AT_FDCWD, "m", 64));
    SHOW(renameat2(AT_FDCWD, "n", AT_FDCWD, "m", RENAME_EXCHANGE | RENAME_NOREPLACE));
    SHOW(rename(BAD, "x"));
    SHOW(rename("n", BAD));
    int fd = MUST(open("open", O_RDWR | O_CREAT, 0600));
    MUST(write(fd, "still", 5));
    put("other", "o");
    SHOW(rename("other", "open"));
    struct stat s;
    fstat(fd, &s);
    VAL(s.st_nlink);
    VAL(s.st_size);
    return 0;
}

#include "t.h"

int main(void) {
    char b[64];
    memset(b, '.', sizeof b);
    MUST(symlink("some/target", "l"));
    put("f", "x");
    SHOW(readlink("l", b, 4));
    printf("%.6s\n", b);
    SHOW(readlink("l", b, sizeof b));
    printf("%.12s\n", b);
    SHOW(readlink("l", b, 0));
    SHOW(readlink("l", b, -1));
    SHOW(readlink("f", b, 9));
    SHOW(readlink(".", b, 9));
    SHOW(readlink("no", b, 9));
    SHOW(readlink("", b, 9));
    SHOW(readlink("l/", b, 9));
    SHOW(readlink("f/", b, 9));
    SHOW(readlink("l", BAD, 9));
    SHOW(readlink(BAD, b, 9));
    int path = MUST(open("l", O_PATH | O_NOFOLLOW));
    SHOW(readlinkat(path, "", b, 9));
    SHOW(readlinkat(open("f", O_PATH), "", b, 9));
    SHOW(readlinkat(open("f", O_RDONLY), "", b, 9));
    SHOW(readlinkat(99, "l", b, 9));
    SHOW(symlink("", "x"));
    SHOW(symlink("t", "l"));
    SHOW(symlink("t", "x/"));
    SHOW(symlinkat("t", 99, "x"));
    char big[5000];
    memset(big, 'a', 4999);
    big[4999] = 0;
    SHOW(symlink(big, "x"));
    big[4096] = 0;
    SHOW(symlink(big, "x"));
    return 0;
}

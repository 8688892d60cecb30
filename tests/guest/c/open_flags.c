#include "t.h"

int main(void) {
    SHOW(open("none", O_RDONLY));
    close(OK(open("a", O_RDWR | O_CREAT | O_EXCL, 0640)));
    SHOW(open("a", O_RDWR | O_CREAT | O_EXCL, 0640));
    put("a", "hello");
    close(OK(open("a", O_WRONLY | O_TRUNC)));
    show_mode("a");
    MUST(mkdir("d", 0755));
    SHOW(open("d", O_WRONLY));
    SHOW(open("d", O_RDWR));
    close(OK(open("d", O_RDONLY | O_DIRECTORY)));
    SHOW(open("a", O_RDONLY | O_DIRECTORY));
    SHOW(open("d", O_CREAT | O_RDONLY, 0600));
    SHOW(open("a/b", O_RDONLY));
    SHOW(open("a/", O_RDONLY));
    SHOW(open("none/", O_CREAT | O_RDWR, 0600));
    SHOW(open("", O_RDONLY));
    SHOW(open("d/x/y", O_CREAT | O_RDWR, 0600));
    MUST(symlink("a", "l"));
    SHOW(open("l", O_RDONLY | O_NOFOLLOW));
    MUST(symlink("loop", "loop"));
    SHOW(open("loop", O_RDONLY));
    MUST(symlink("target", "dangling"));
    SHOW(open("dangling", O_RDONLY));
    SHOW(open("dangling", O_CREAT | O_EXCL | O_RDWR, 0600));
    close(OK(open("dangling", O_CREAT | O_RDWR, 0600)));
    show_mode("target");
    char name[300];
    memset(name, 'n', 256), name[256] = 0;
    SHOW(open(name, O_RDONLY));
    name[255] = 0;
    SHOW(open(name, O_RDONLY));
    char path[5000];
    memset(path, '/', 4999), path[4999] = 0;
    SHOW(open(path, O_RDONLY));
    SHOW(open(BAD, O_RDONLY));
    SHOW(open("a", O_RDONLY | O_TMPFILE | O_RDWR));
    int kinds[] = {O_SYNC & ~O_DSYNC, O_DSYNC, O_SYNC, O_PATH | O_SYNC, O_APPEND | O_DSYNC};
    for (unsigned n = 0; n < sizeof kinds / sizeof *kinds; n++) {
        int fd = open("a", O_RDWR | kinds[n]);
        if (fd >= 0)
            printf("%o -> %o, %zd\n", kinds[n], fcntl(fd, F_GETFL), write(fd, "x", 1)), close(fd);
    }
    return 0;
}

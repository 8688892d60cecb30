#include "t.h"

int main(void) {
    char b[300];
    MUST(mkdir("jail", 0755)), MUST(mkdir("jail/sub", 0755));
    put("jail/f", "inside"), put("out", "outside");
    int fd = MUST(open(".", O_RDONLY));
    SHOW(chroot("none")), SHOW(chroot("out"));
    SHOW(chroot("jail")), SHOW(chdir("/"));
    show_file("/f"), show_file("../../f");
    SHOW(access("/out", F_OK)), SHOW(chdir("sub"));
    printf("%s\n", getcwd(b, 300));
    SHOW(access("../../out", F_OK));
    SHOW(fchdir(fd));
    SHOW(access("out", F_OK));
    if (fork() == 0) {
        MUST(setuid(5));
        SHOW(chroot("/sub"));
        _exit(0);
    }
    wait(NULL);
    return 0;
}

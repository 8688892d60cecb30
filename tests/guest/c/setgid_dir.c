// private
#include "t.h"

static void owner(const char *path) {
    struct stat s;
    MUST(stat(path, &s));
    printf("%s %o %u:%u\n", path, s.st_mode, s.st_uid, s.st_gid);
}

int main(void) {
    umask(0);
    MUST(mkdir("d", 0777));
    MUST(chown("d", 0, 500));
    MUST(chmod("d", 02777));
    put("d/f", "x");
    MUST(mkdir("d/sub", 0755));
    owner("d/f");
    owner("d/sub");
    put("p", "x");
    MUST(chmod("p", 06755));
    MUST(chown("p", 1000, 1000));
    owner("p");
    MUST(chmod("p", 06755));
    owner("p");
    int f = MUST(open("p", O_WRONLY));
    pid_t child = MUST(fork());
    if (!child) {
        MUST(setgid(2000));
        MUST(setuid(1000));
        SHOW(chmod("p", 02755));
        owner("p");
        SHOW(chmod("p", 04755));
        SHOW(write(f, "y", 1));
        owner("p");
        SHOW(chown("p", -1, 2000));
        owner("p");
        SHOW(chown("p", 1000, 3000));
        SHOW(chown("p", 0, -1));
        int fd = open("d/own", O_CREAT | O_WRONLY, 02777);
        owner("d/own");
        _exit(0);
    }
    reap(child);
    return 0;
}

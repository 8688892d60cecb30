#include "t.h"

static void times_of(const char *path) {
    struct stat s;
    MUST(lstat(path, &s));
    printf("%s %ld.%09ld %ld.%09ld\n", path, s.st_atim.tv_sec, s.st_atim.tv_nsec, s.st_mtim.tv_sec, s.st_mtim.tv_nsec);
}

int main(void) {
    struct timeval v[2] = {{1000, 250000}, {2000, 999999}};
    MUST(mkdir("d", 0755));
    put("d/f", "x");
    MUST(symlink("f", "d/l"));
    int d = MUST(open("d", O_RDONLY)), f = MUST(open("d/f", O_RDONLY));
    SHOW(syscall(SYS_futimesat, d, "f", v));
    times_of("d/f");
    v[0].tv_sec = -5;
    SHOW(syscall(SYS_futimesat, d, "l", v));
    times_of("d/f");
    v[0].tv_usec = 1000000;
    SHOW(syscall(SYS_futimesat, d, "f", v));
    v[0].tv_usec = -1;
    SHOW(syscall(SYS_futimesat, d, "f", v));
    v[0].tv_usec = 0;
    v[0].tv_sec = 77;
    SHOW(syscall(SYS_futimesat, f, NULL, v));
    times_of("d/f");
    SHOW(syscall(SYS_futimesat, d, "none", v));
    SHOW(syscall(SYS_futimesat, f, "f", v));
    SHOW(syscall(SYS_futimesat, 99, "f", v));
    SHOW(syscall(SYS_futimesat, d, "f", BAD));
    SHOW(syscall(SYS_futimesat, d, BAD, v));
    SHOW(syscall(SYS_utimes, "d/l", v));
    SHOW(syscall(SYS_utime, "d/f", &(struct utimbuf){11, 22}));
    times_of("d/f");
    MUST(chmod("d/f", 0666));
    MUST(chmod(".", 0755));
    pid_t p = MUST(fork());
    if (!p) {
        MUST(setuid(1000));
        SHOW(syscall(SYS_futimesat, d, "f", v));
        SHOW(syscall(SYS_futimesat, d, "f", NULL));
        _exit(0);
    }
    reap(p);
    return 0;
}

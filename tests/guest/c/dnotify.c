// F_NOTIFY: which signals a directory sends, once and always.
#define _GNU_SOURCE
#include "t.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// 0, or minus errno.
#define R(call) ((call) == -1 ? -errno : 0L)

static int count(int signo, int *code, int fd) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signo);
    struct timespec none = {0, 0};
    siginfo_t info;
    int n = 0;
    while (sigtimedwait(&set, &info, &none) == signo) {
        n++;
        *code = info.si_code;
        if (signo != SIGIO && info.si_fd != fd)
            n += 1000;
    }
    return n;
}

static void step(const char *name, int fd, int once) {
    int code = 0, n = count(SIGRTMIN, &code, fd);
    printf("%s%s: %d code %d\n", name, once ? " once" : "", n, n ? code : 0);
}

static void all(int fd, const char *which, unsigned mask) {
    printf("== %s %ld\n", which, R(fcntl(fd, F_NOTIFY, mask)));
    int f = open("d/f", O_CREAT | O_RDWR, 0644);
    step("create", fd, 0);
    if (write(f, "x", 1) != 1)
        puts("write");
    step("write", fd, 0);
    char c;
    if (pread(f, &c, 1, 0) != 1)
        puts("read");
    step("read", fd, 0);
    fchmod(f, 0600);
    step("chmod", fd, 0);
    ftruncate(f, 0);
    step("truncate", fd, 0);
    close(f);
    step("close", fd, 0);
    rename("d/f", "d/g");
    step("rename within", fd, 0);
    rename("d/g", "g");
    step("rename out", fd, 0);
    rename("g", "d/h");
    step("rename in", fd, 0);
    link("d/h", "d/i");
    step("link", fd, 0);
    unlink("d/h");
    unlink("d/i");
    step("unlink", fd, 0);
    mkdir("d/s", 0755);
    step("mkdir", fd, 0);
    rmdir("d/s");
    step("rmdir", fd, 0);
    chmod("d", 0700);
    step("own mode", fd, 0);
    printf("off %ld\n", R(fcntl(fd, F_NOTIFY, 0)));
    f = open("d/f", O_CREAT | O_RDWR, 0644);
    close(f);
    unlink("d/f");
    step("after", fd, 0);
}

int main(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGIO);
    sigprocmask(SIG_BLOCK, &set, NULL);
    mkdir("d", 0755);
    int fd = open("d", O_RDONLY), other = open("file", O_CREAT | O_RDWR, 0644);
    printf("file %ld %ld\n", R(fcntl(other, F_NOTIFY, DN_CREATE)), R(fcntl(other, F_NOTIFY, 0)));
    printf("path %ld\n", R(fcntl(open("d", O_PATH), F_NOTIFY, DN_CREATE)));
    printf("signal %ld\n", R(fcntl(fd, F_SETSIG, SIGRTMIN)));
    all(fd, "access", DN_ACCESS | DN_MULTISHOT);
    all(fd, "modify", DN_MODIFY | DN_MULTISHOT);
    all(fd, "create", DN_CREATE | DN_MULTISHOT);
    all(fd, "delete", DN_DELETE | DN_MULTISHOT);
    all(fd, "rename", DN_RENAME | DN_MULTISHOT);
    all(fd, "attrib", DN_ATTRIB | DN_MULTISHOT);
    all(fd, "create and delete, once", DN_CREATE | DN_DELETE);
    printf("only the bit %ld\n", R(fcntl(fd, F_NOTIFY, DN_MULTISHOT)));
    // A second request adds to the first; a copy of the descriptor is the same file, and closing it ends all.
    int copy = dup(fd);
    fcntl(fd, F_NOTIFY, DN_CREATE | DN_MULTISHOT);
    fcntl(copy, F_NOTIFY, DN_DELETE);
    printf("owner is %d\n", fcntl(fd, F_GETOWN) == getpid());
    close(open("d/f", O_CREAT | O_RDWR, 0644));
    step("create by two", copy, 0);
    unlink("d/f");
    step("delete by two", copy, 0);
    close(copy);
    close(open("d/f", O_CREAT | O_RDWR, 0644));
    step("closed", fd, 0);
    fcntl(fd, F_SETSIG, 0);
    fcntl(fd, F_NOTIFY, DN_DELETE);
    unlink("d/f");
    int code = 0;
    printf("SIGIO %d\n", count(SIGIO, &code, fd));
    rmdir("d");
    return 0;
}

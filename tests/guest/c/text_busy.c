/* ETXTBSY: what runs is not opened for writing, and what is open for writing is not run (deny_write_access). */
#include "t.h"

static void copy(const char *to) {
    char b[65536];
    int from = MUST(open("/proc/self/exe", O_RDONLY)), fd = MUST(open(to, O_WRONLY | O_CREAT, 0755));
    for (ssize_t n; (n = read(from, b, sizeof b)) > 0;)
        MUST(write(fd, b, n));
    close(from), close(fd);
}

static void writes(const char *what) {
    printf("== %s\n", what);
    int fd;
    OK(fd = open("program", O_WRONLY)), close(fd);
    OK(fd = open("program", O_RDWR)), close(fd);
    OK(fd = open("program", O_WRONLY | O_CREAT | O_APPEND, 0755)), close(fd);
    OK(fd = open("program", O_RDONLY)), close(fd);
    OK(fd = open("program", O_PATH)), close(fd);
    SHOW(access("program", W_OK));
    OK(chmod("program", 0700)), OK(rename("program", "other")), OK(rename("other", "program"));
}

static int runs(void) {
    int status;
    pid_t p = MUST(fork());
    if (!p) {
        execl("program", "program", "nothing", NULL);
        _exit(errno);
    }
    waitpid(p, &status, 0);
    printf("run: %s\n", WIFEXITED(status) ? ename(WEXITSTATUS(status)) : "killed");
    return status;
}

int main(int argc, char **argv) {
    alarm(20);
    if (argc > 1) {
        if (!strcmp(argv[1], "wait")) {
            char c;
            write(1, "x", 1), read(0, &c, 1);
        }
        return 0;
    }
    copy("program"), writes("not running");
    int in[2], out[2];
    char c;
    pipe(in), pipe(out);
    pid_t p = MUST(fork());
    if (!p) {
        dup2(in[0], 0), dup2(out[1], 1), close(in[1]);
        execl("program", "program", "wait", NULL);
        _exit(9);
    }
    MUST(read(out[0], &c, 1));
    writes("running");
    OK(open("program", O_RDONLY | O_TRUNC)), SHOW(truncate("program", 10)), OK(open("program", O_WRONLY | O_TRUNC));
    OK(link("program", "link")), OK(open("link", O_WRONLY)), OK(unlink("link"));
    runs();
    write(in[1], "x", 1), reap(p);
    writes("it has ended");
    int fd = MUST(open("program", O_WRONLY));
    runs();
    int again = dup(fd);
    close(fd), runs(), close(again), runs();
    fd = MUST(open("program", O_RDONLY)), runs(), close(fd);
    fd = MUST(open("script", O_WRONLY | O_CREAT, 0755)), MUST(write(fd, "#!/bin/true\n", 12));
    SHOW(execl("script", "script", NULL));
    close(fd);
    unlink("script"), unlink("program");
    int memory = MUST(memfd_create("program", 0)); // its own descriptor is no writer
    char where[64];
    sprintf(where, "/proc/self/fd/%d", memory), copy(where);
    if (!(p = MUST(fork())))
        execl(where, "program", "nothing", NULL), _exit(errno);
    int status;
    waitpid(p, &status, 0), printf("memfd: %s\n", ename(WEXITSTATUS(status)));
    return 0;
}

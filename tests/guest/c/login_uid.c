// /proc/self/loginuid and sessionid: set once, inherited, not of others; what pam_loginuid(8) needs (kernel/audit.c).
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char *get(const char *path) {
    static char text[2][64];
    static int turn;
    char *out = text[turn ^= 1];
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, out, 63);
    close(fd);
    out[n < 0 ? 0 : n] = 0;
    return out;
}

static void put(const char *path, const char *text) {
    int fd = open(path, O_WRONLY);
    if (fd < 0) {
        printf("open %s\n", strerror(errno));
        return;
    }
    ssize_t n = write(fd, text, strlen(text));
    printf("put '%.*s': %zd %s\n", (int)strcspn(text, "\n"), text, n, n < 0 ? strerror(errno) : "");
    close(fd);
}

static int has_session(void) { return strcmp(get("/proc/self/sessionid"), "4294967295") != 0; }

int main(void) {
    setvbuf(stdout, NULL, _IONBF, 0);
    int fd = open("/proc/self/loginuid", O_WRONLY);  // where somebody has logged in, nobody has from here on
    if (write(fd, "4294967295", 10) != 10)
        puts("it was set, and stays");
    close(fd);
    struct stat st;
    stat("/proc/self/loginuid", &st);
    printf("mode %o\n", st.st_mode);
    stat("/proc/self/sessionid", &st);
    printf("mode %o\n", st.st_mode);
    printf("%s %d\n", get("/proc/self/loginuid"), has_session());
    put("/proc/self/loginuid", "x");
    put("/proc/self/loginuid", "0x10");
    put("/proc/self/loginuid", " 5");
    put("/proc/self/loginuid", "4294967296");
    put("/proc/self/loginuid", "-1");
    put("/proc/self/loginuid", "");
    pid_t parent = getpid();
    if (fork() == 0) {  // without privilege, once
        if (setgroups(0, NULL) || setgid(1234) || setuid(1234))
            puts("ids");
        prctl(PR_SET_DUMPABLE, 1);
        char other[64];
        snprintf(other, sizeof other, "/proc/%d/loginuid", parent);
        put(other, "1");
        put("/proc/self/loginuid", "1234\n");
        printf("%s %d\n", get("/proc/self/loginuid"), has_session());
        put("/proc/self/loginuid", "1234");
        put("/proc/self/loginuid", "4294967295");
        char first[64];
        strcpy(first, get("/proc/self/sessionid"));
        if (fork() == 0) {
            printf("child %s, same session %d\n", get("/proc/self/loginuid"), !strcmp(first, get("/proc/self/sessionid")));
            execl("/bin/cat", "cat", "/proc/self/loginuid", NULL);
        }
        wait(NULL);
        puts("");
        exit(0);
    }
    wait(NULL);
    printf("%s %d\n", get("/proc/self/loginuid"), has_session());
    char other[64];
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    snprintf(other, sizeof other, "/proc/%d/loginuid", child);
    put(other, "7");
    kill(child, 9);
    wait(NULL);
    if (fork() == 0) {
        put("/proc/self/loginuid", "+077");
        printf("%s\n", get("/proc/self/loginuid"));
        exit(0);
    }
    wait(NULL);
    return 0;
}

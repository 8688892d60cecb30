/* /proc/PID/syscall: what a process waits in, also while it is stopped, and the reader's own call. */
#include "t.h"

static char text[400];

static void look(pid_t pid) {
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/syscall", pid);
    int fd = open(name, O_RDONLY);
    memset(text, 0, sizeof text);
    if (fd < 0 || read(fd, text, sizeof text - 1) < 0)
        perror(name);
    close(fd);
}

int main(void) {
    unsigned long v[9];
    int fds[2];
    MUST(pipe(fds));
    pid_t child = fork();
    if (!child) {
        char c[77];
        _exit(read(fds[0], c, sizeof c));
    }
    for (int i = 0; i < 5000 && text[0] != '0'; i++) {
        look(child);
        usleep(1000);
    }
    VAL(sscanf(text, "%ld %lx %lx %lx %lx %lx %lx %lx %lx", (long *)v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6, v + 7, v + 8));
    VAL(v[0] == SYS_read && v[1] == (unsigned)fds[0] && v[3] == 77);
    VAL(v[7] > 0x7f0000000000 && v[8] > 0x1000);
    kill(child, SIGSTOP);
    waitpid(child, NULL, WUNTRACED);
    look(child);
    printf("%.2s\n", text);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    look(getpid());
    VAL(sscanf(text, "%ld %lx %lx %lx", (long *)v, v + 1, v + 2, v + 3));
    VAL(v[0] == SYS_read && v[2] == (unsigned long)text && v[3] == sizeof text - 1);
    return 0;
}

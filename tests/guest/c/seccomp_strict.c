// private
#include "asleep.h"

#include <linux/seccomp.h>
static void sys_exit(int status) { syscall(SYS_exit, status); }
static void returns(int s) {}
static void *other(void *fd) {
    char b;
    read(*(int *)fd, &b, 1);
    return NULL;
}
int main(void) {
    int ends[2], apart[2];
    char b[4];
    MUST(pipe(ends));
    MUST(pipe(apart));
    SHOW(prctl(PR_SET_SECCOMP, 0));
    SHOW(prctl(PR_SET_SECCOMP, 3));
    SHOW(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL));
    SHOW(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, b));
    for (int way = 0; way < 6; way++) {
        pid_t c = fork();
        if (c == 0) {
            handle(SIGUSR1, returns, 0);
            if (way == 5) {
                pthread_t thread;
                pthread_create(&thread, NULL, other, &apart[0]);
            }
            if (way == 1) MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL));
            else MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, BAD));
            write(ends[1], "abc", 3);
            if (read(ends[0], b, 3) != 3) sys_exit(1);
            write(1, b, 3);
            write(1, "\n", 1);
            if (way < 2) sys_exit(5);
            if (way == 2) _exit(6); /* exit_group is not among them */
            if (way == 3) prctl(PR_GET_SECCOMP);
            if (way == 4) syscall(9999);
            if (way == 5) syscall(SYS_getpid); /* only this thread ends */
            sys_exit(7);
        }
        if (way == 5) {
            in_state(c, 'Z');
            VAL(kill(c, 0));
            MUST(write(apart[1], "x", 1));
        }
        reap(c);
    }
    pid_t c = fork();
    if (c == 0) {
        MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
        for (;;) read(ends[0], b, 1);
    }
    char path[64], line[256];
    sprintf(path, "/proc/%d/status", c);
    int mode = 0;
    while (mode != 1) {
        FILE *f = fopen(path, "r");
        while (fgets(line, sizeof line, f)) sscanf(line, "Seccomp: %d", &mode);
        fclose(f);
    }
    VAL(mode);
    kill(c, SIGTERM);
    reap(c);
    return 0;
}

#include "t.h"
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* A Landlock domain does not get descriptors of processes outside it. */
int main(void) {
    unsigned long long handled = 4;
    int file = open("/", O_RDONLY), held[2];
    MUST(pipe(held));
    pid_t child = fork();
    if (!child) {
        char c;
        close(held[1]);
        _exit(read(held[0], &c, 1) != 0);
    }
    int pidfd = syscall(SYS_pidfd_open, child, 0), rules = syscall(444, &handled, sizeof handled, 0);
    OK(syscall(SYS_pidfd_getfd, pidfd, file, 0));
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    SHOW(syscall(446, rules, 0));
    SHOW(syscall(SYS_pidfd_getfd, pidfd, file, 0));
    close(held[1]);
    SHOW(waitpid(child, NULL, 0) == child);
    return 0;
}

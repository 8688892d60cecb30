// private
#include "t.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
int main(void) {
    struct sock_filter f[] = {{0x20, 0, 0, 0}, {0x15, 0, 1, SYS_getppid}, {6, 0, 0, SECCOMP_RET_ERRNO | 77}, {6, 0, 0, SECCOMP_RET_ALLOW}};
    struct sock_fprog p = {4, f};
    SHOW(prctl(PR_GET_SECCOMP));
    pid_t c = fork();
    if (c == 0) {
        MUST(setuid(1000));
        SHOW(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p));
        _exit(0);
    }
    reap(c);
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    SHOW(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, BAD));
    SHOW(syscall(SYS_seccomp, 99, 0, &p));
    return 0;
}

// admin
#include "t.h"

int main(void) {
    static char b[65536];
    VAL(syscall(SYS_syslog, 10, NULL, 0) > 0);
    SHOW(syscall(SYS_syslog, 3, b, -1));
    SHOW(syscall(SYS_syslog, 3, NULL, 10));
    SHOW(syscall(SYS_syslog, 3, b, 0));
    SHOW(syscall(SYS_syslog, 99, b, 10));
    SHOW(syscall(SYS_syslog, -1, b, 10));
    pid_t p = MUST(fork());
    if (!p) {
        MUST(setgid(1000));
        MUST(setuid(1000));
        SHOW(syscall(SYS_syslog, 5, NULL, 0));
        SHOW(syscall(SYS_syslog, 8, NULL, 4));
        _exit(0);
    }
    reap(p);
    return 0;
}

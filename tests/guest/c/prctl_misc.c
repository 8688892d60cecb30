#include "t.h"

int main(void) {
    char n[17] = {0};
    int v = 5;
    SHOW(prctl(PR_SET_NAME, "a name that is too long"));
    SHOW(prctl(PR_GET_NAME, n));
    STR(n);
    SHOW(prctl(PR_SET_NAME, BAD));
    SHOW(prctl(PR_GET_DUMPABLE));
    SHOW(prctl(PR_SET_DUMPABLE, 0));
    SHOW(prctl(PR_GET_DUMPABLE));
    SHOW(prctl(PR_SET_DUMPABLE, 7));
    SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    SHOW(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    SHOW(prctl(77777));
    SHOW(prctl(PR_GET_TIMERSLACK) > 0);
    SHOW(prctl(PR_SET_TIMERSLACK, 100000));
    SHOW(prctl(PR_GET_TIMERSLACK));
    SHOW(prctl(PR_SET_PDEATHSIG, 1000));
    SHOW(prctl(PR_GET_PDEATHSIG, BAD));
    SHOW(prctl(PR_GET_TSC, &v));
    unsigned long fs;
    SHOW(syscall(SYS_arch_prctl, 0x1003, &fs));
    VAL(fs != 0);
    SHOW(syscall(SYS_arch_prctl, 0x1003, BAD));
    SHOW(syscall(SYS_arch_prctl, 0x9999, 0));
    SHOW(syscall(SYS_arch_prctl, 0x1001, 0x1234));
    SHOW(syscall(SYS_arch_prctl, 0x1004, &fs));
    VAL(fs);
    SHOW(syscall(SYS_arch_prctl, 0x1002, 1UL << 60));
    SHOW(syscall(SYS_personality, 0xffffffff));
    return 0;
}

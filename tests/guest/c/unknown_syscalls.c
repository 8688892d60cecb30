#include "t.h"

int main(void) {
    SHOW(syscall(SYS_afs_syscall));
    SHOW(syscall(SYS_tuxcall));
    SHOW(syscall(SYS_vserver));
    SHOW(syscall(SYS_getpmsg));
    SHOW(syscall(SYS_create_module));
    SHOW(syscall(400));
    SHOW(syscall(600));
    SHOW(syscall(1000000));
    SHOW(syscall(-1));
    SHOW(syscall(SYS_uselib, "x"));
    SHOW(syscall(SYS_nfsservctl));
    return 0;
}

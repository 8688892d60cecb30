#include "t.h"

static void show(void) {
    struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct d[2];
    SHOW(syscall(SYS_capget, &h, d));
    printf("chown %d setuid %d\n", d[0].effective >> CAP_CHOWN & 1, d[0].effective >> CAP_SETUID & 1);
}
int main(void) {
    struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct d[2];
    show();
    h.version = 1;
    SHOW(syscall(SYS_capget, &h, d));
    printf("%x\n", h.version);
    SHOW(syscall(SYS_capget, &h, NULL));
    h.pid = 999999;
    SHOW(syscall(SYS_capget, &h, d));
    SHOW(syscall(SYS_capget, BAD, d));
    h.pid = 0;
    syscall(SYS_capget, &h, d);
    d[0].effective &= ~(1 << CAP_CHOWN);
    SHOW(syscall(SYS_capset, &h, d));
    show();
    put("f", "");
    SHOW(chown("f", 5, 5));
    d[0].permitted &= ~(1 << CAP_CHOWN), d[0].inheritable = 0;
    SHOW(syscall(SYS_capset, &h, d));
    d[0].effective |= 1 << CAP_CHOWN;
    SHOW(syscall(SYS_capset, &h, d));
    SHOW(prctl(PR_CAPBSET_READ, CAP_CHOWN));
    SHOW(prctl(PR_CAPBSET_READ, 200));
    SHOW(prctl(PR_CAPBSET_DROP, CAP_KILL));
    SHOW(prctl(PR_CAPBSET_READ, CAP_KILL));
    SHOW(prctl(PR_SET_KEEPCAPS, 1));
    SHOW(prctl(PR_GET_KEEPCAPS));
    MUST(setresuid(7, 7, 7));
    syscall(SYS_capget, &h, d);
    printf("permitted setuid %d effective %d\n", d[0].permitted >> CAP_SETUID & 1, d[0].effective);
    d[0].effective = 1 << CAP_SETUID;
    d[0].permitted = 1 << CAP_SETUID, d[1].permitted = 0;
    SHOW(syscall(SYS_capset, &h, d));
    SHOW(setresuid(0, 0, 0));
    return 0;
}

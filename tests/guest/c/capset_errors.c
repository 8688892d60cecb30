#include "t.h"

static struct __user_cap_header_struct h;
static struct __user_cap_data_struct d[2], was[2];
#define VERSION(v, p) (h.version = (v), h.pid = (p))

int main(void) {
    VERSION(_LINUX_CAPABILITY_VERSION_3, 0);
    MUST(syscall(SYS_capget, &h, was));
    VERSION(0x1234, 0);
    SHOW(syscall(SYS_capget, &h, d));
    VAL(h.version == _LINUX_CAPABILITY_VERSION_3);
    VERSION(0x1234, 0);
    SHOW(syscall(SYS_capget, &h, NULL));
    SHOW(syscall(SYS_capget, BAD, d));
    VERSION(_LINUX_CAPABILITY_VERSION_3, -1);
    SHOW(syscall(SYS_capget, &h, d));
    VERSION(_LINUX_CAPABILITY_VERSION_3, 99999999);
    SHOW(syscall(SYS_capget, &h, d));
    VERSION(_LINUX_CAPABILITY_VERSION_3, 0);
    SHOW(syscall(SYS_capget, &h, BAD));
    VERSION(_LINUX_CAPABILITY_VERSION_3, getppid());
    SHOW(syscall(SYS_capset, &h, was));
    VERSION(_LINUX_CAPABILITY_VERSION_3, 0);
    memcpy(d, was, sizeof d);
    d[0].effective = d[0].permitted = 1 << CAP_CHOWN | 1 << CAP_SETUID;
    d[1].effective = d[1].permitted = 0;
    SHOW(syscall(SYS_capset, &h, d));
    put("f", "");
    SHOW(chown("f", 5, 5));
    d[0].effective = 1 << CAP_SETUID;
    SHOW(syscall(SYS_capset, &h, d));
    SHOW(chown("f", 6, 6));
    d[0].effective = 1 << CAP_KILL;
    SHOW(syscall(SYS_capset, &h, d));
    d[0].permitted = 1 << CAP_KILL | 1 << CAP_SETUID;
    SHOW(syscall(SYS_capset, &h, d));
    VAL(prctl(PR_CAPBSET_READ, CAP_CHOWN));
    SHOW(prctl(PR_CAPBSET_DROP, CAP_CHOWN));
    SHOW(prctl(PR_CAPBSET_READ, 64));
    SHOW(prctl(PR_SET_KEEPCAPS, 1));
    SHOW(setuid(1000));
    syscall(SYS_capget, &h, d);
    printf("%x %x\n", d[0].permitted, d[0].effective);
    return 0;
}

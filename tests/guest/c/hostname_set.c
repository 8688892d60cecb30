#include "container_caps.h"

int main(void) {
    as_in_container();
    struct utsname u;
    char b[100];
    MUST(uname(&u));
    SHOW(syscall(SYS_sethostname, u.nodename, strlen(u.nodename)));
    SHOW(syscall(SYS_setdomainname, u.domainname, strlen(u.domainname)));
    MUST(gethostname(b, sizeof b));
    VAL(strcmp(b, u.nodename));
    SHOW(syscall(SYS_sethostname, u.nodename, 65));
    SHOW(syscall(SYS_sethostname, u.nodename, -1));
    SHOW(syscall(SYS_sethostname, BAD, 3));
    SHOW(syscall(SYS_setdomainname, u.nodename, 65));
    SHOW(syscall(SYS_setdomainname, u.nodename, -1));
    SHOW(syscall(SYS_setdomainname, BAD, 3));
    pid_t p = MUST(fork());
    if (!p) {
        MUST(setuid(1000));
        SHOW(syscall(SYS_sethostname, "x", 1));
        SHOW(syscall(SYS_sethostname, "x", -1));
        SHOW(syscall(SYS_setdomainname, "x", 1));
        _exit(0);
    }
    reap(p);
    struct utsname again;
    MUST(uname(&again));
    VAL(memcmp(&u, &again, sizeof u));
    SHOW(syscall(SYS_uname, BAD));
    return 0;
}

#include "t.h"

int main(void) {
    uid_t r, e, s;
    gid_t g[10];
    printf("%d %d %d %d\n", getuid(), geteuid(), getgid(), getegid());
    SHOW(setgroups(3, (gid_t[]){1, 2, 3}));
    SHOW(getgroups(0, NULL));
    SHOW(getgroups(2, g));
    SHOW(getgroups(10, g));
    printf("%d %d %d\n", g[0], g[1], g[2]);
    SHOW(getgroups(-1, g));
    SHOW(getgroups(10, BAD));
    SHOW(setgroups(70000, g));
    SHOW(setresgid(10, 20, 30));
    getresgid(&r, &e, &s);
    printf("%d %d %d\n", r, e, s);
    SHOW(setresuid(100, 200, 300));
    getresuid(&r, &e, &s);
    printf("%d %d %d\n", r, e, s);
    SHOW(setuid(0));
    SHOW(setuid(300));
    SHOW(setuid(100));
    getresuid(&r, &e, &s);
    printf("%d %d %d\n", r, e, s);
    SHOW(seteuid(300));
    SHOW(setreuid(-1, 100));
    SHOW(setreuid(300, -1));
    getresuid(&r, &e, &s);
    printf("%d %d %d\n", r, e, s);
    SHOW(setgroups(1, g));
    SHOW(setgid(99));
    SHOW(setegid(30));
    SHOW(setregid(30, 10));
    getresgid(&r, &e, &s);
    printf("%d %d %d\n", r, e, s);
    SHOW(setresuid(-1, -1, -1));
    SHOW(syscall(SYS_getresuid, BAD, BAD, BAD));
    VAL(syscall(SYS_setfsuid, -1));
    VAL(syscall(SYS_setfsuid, 100));
    VAL(syscall(SYS_setfsgid, -1));
    SHOW(setuid(-1));
    return 0;
}

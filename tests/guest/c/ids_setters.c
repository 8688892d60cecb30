#include "t.h"

static void show(void) {
    uid_t r, e, s;
    gid_t a, b, c;
    getresuid(&r, &e, &s);
    getresgid(&a, &b, &c);
    printf("%d %d %d  %d %d %d  fs %d %d\n", r, e, s, a, b, c, setfsuid(-1), setfsgid(-1));
}

int main(void) {
    gid_t groups[3] = {7, 8, 9}, got[3];
    SHOW(setgroups(3, groups));
    SHOW(getgroups(0, NULL));
    SHOW(getgroups(2, got));
    SHOW(getgroups(-1, got));
    SHOW(getgroups(3, BAD));
    SHOW(setgroups(70000, groups));
    SHOW(setresgid(10, 20, 30));
    SHOW(setregid(-1, 30));
    show();
    SHOW(setfsgid(77));
    show();
    SHOW(setresuid(100, 0, 300));
    show();
    SHOW(setfsuid(5));
    show();
    SHOW(setreuid(100, 300));
    show();
    SHOW(setuid(0));
    SHOW(setuid(100));
    show();
    SHOW(seteuid(300));
    SHOW(setresuid(-1, 300, -1));
    show();
    SHOW(setgid(20));
    SHOW(setregid(20, -1));
    SHOW(setregid(30, 10));
    show();
    SHOW(setfsuid(999));
    show();
    SHOW(setgroups(1, groups));
    SHOW(getgroups(3, got));
    SHOW(syscall(SYS_getresuid, BAD, BAD, BAD));
    return 0;
}

/* /dev/tty is the controlling terminal of the session, if it has one. */
#include "t.h"
static void look(const char *when) {
    int fd = open("/dev/tty", O_RDWR);
    printf("%s: %s\n", when, fd < 0 ? ename(errno) : "ok");
    if (fd >= 0) close(fd);
}
static void child(void (*f)(int), int arg) {
    pid_t c = fork();
    if (!c) {
        f(arg);
        _exit(0);
    }
    reap(c);
}
static void in_new_session(int arg) {
    SHOW(setsid() > 0);
    look("after setsid");
}
static void gives_up(int arg) {
    SHOW(ioctl(arg, TIOCNOTTY));
    look("of nobody's");
}
static void with_pty(int master) {
    char name[64];
    MUST(ptsname_r(master, name, sizeof name));
    MUST(setsid());
    int slave = MUST(open(name, O_RDWR | O_NOCTTY));
    look("not asked for");
    int ready[2];
    MUST(pipe(ready));
    pid_t early = fork();
    if (!early) {
        char c;
        MUST(read(ready[0], &c, 1));
        look("one that was there before");
        SHOW(tcgetpgrp(slave));
        SHOW(tcgetsid(slave));
        _exit(0);
    }
    MUST(ioctl(slave, TIOCSCTTY, 0));
    look("asked for");
    MUST(write(ready[1], "x", 1));
    reap(early);
    child(in_new_session, 0);
    child(gives_up, slave);
    look("still there");
    signal(SIGHUP, SIG_IGN);
    SHOW(ioctl(slave, TIOCNOTTY));
    look("given up");
    close(slave);
    slave = MUST(open(name, O_RDWR));
    look("by opening it");
}
int main(void) {
    child(in_new_session, 0);
    int master = MUST(posix_openpt(O_RDWR | O_NOCTTY));
    MUST(grantpt(master));
    MUST(unlockpt(master));
    child(with_pty, master);
    return 0;
}

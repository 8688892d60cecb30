// admin
/* vhangup(2): the controlling terminal of the caller is hung up. */
#include "t.h"
#include <termios.h>

static int master, slave;

static void show_poll(const char *what, int fd) {
    struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI, 0};
    poll(&p, 1, 0);
    printf("%s: poll %#x\n", what, p.revents);
}

static int hups, conts;
static void heard(int signo) {
    signo == SIGHUP ? hups++ : conts++;
}

static void in_session(void) {
    char b[100] = "";
    alarm(10);
    signal(SIGHUP, heard), signal(SIGCONT, heard);
    OK(syscall(SYS_vhangup)), VAL(hups); /* no terminal */
    setsid();
    slave = MUST(open(ptsname(master), O_RDWR));
    int again = MUST(open("/dev/tty", O_RDWR));
    int go[2], go_too[2];
    pipe(go), pipe(go_too);
    pid_t p = fork(); /* in the background */
    if (!p) {
        setpgid(0, 0), alarm(10);
        close(go[1]), close(go_too[1]);
        read(go[0], b, 1);
        SHOW(open("/dev/tty", O_RDWR));
        VAL(hups), VAL(conts);
        _exit(0);
    }
    setpgid(p, p);
    pid_t q = fork(); /* in the foreground */
    if (!q) {
        alarm(10);
        close(go[1]), close(go_too[1]);
        read(go_too[0], b, 1);
        SHOW(open("/dev/tty", O_RDWR));
        VAL(hups), VAL(conts);
        _exit(0);
    }
    struct termios raw;
    MUST(tcgetattr(slave, &raw)), raw.c_lflag &= ~ISIG, MUST(tcsetattr(slave, TCSANOW, &raw));
    MUST(write(master, "typed\n", 6)), MUST(write(slave, "output\n", 7));
    for (int n = 0; n < 15;) MUST(ioctl(master, FIONREAD, &n)), sched_yield(); /* a worker of the kernel carries it over */
    if (!fork()) {
        setgid(1234), setuid(1234);
        SHOW(syscall(SYS_vhangup));
        SHOW(ioctl(slave, TIOCVHANGUP));
        _exit(0);
    }
    pid_t r = wait(NULL);
    MUST(r);
    show_poll("slave", slave), show_poll("master", master);
    OK(syscall(SYS_vhangup)), VAL(hups), VAL(conts);
    show_poll("slave", slave), show_poll("again", again), show_poll("master", master);
    SHOW(read(slave, b, 100)), SHOW(write(slave, "x", 1)), SHOW(ioctl(slave, TIOCGPGRP, b)), SHOW(tcgetattr(slave, (void *)b));
    SHOW(read(again, b, 100)), SHOW(isatty(slave));
    SHOW(open("/dev/tty", O_RDWR));
    memset(b, 0, sizeof b);
    fcntl(master, F_SETFL, O_NONBLOCK);
    SHOW(read(master, b, 100));
    SHOW(read(master, b, 100));
    int fresh = OK(open(ptsname(master), O_RDWR | O_NOCTTY));
    fcntl(fresh, F_SETFL, O_NONBLOCK);
    memset(b, 0, sizeof b);
    struct termios modes;
    MUST(tcgetattr(fresh, &modes)), printf("modes %#x %#x %#x\n", modes.c_iflag, modes.c_oflag, modes.c_lflag);
    SHOW(read(fresh, b, 100));
    SHOW(write(fresh, "new\n", 4)), show_poll("fresh", fresh), show_poll("master", master);
    SHOW(read(master, b, 100));
    close(slave), show_poll("master, one dead closed", master);
    close(again), show_poll("master, both dead closed", master);
    close(fresh), show_poll("master, all closed", master);
    SHOW(read(master, b, 100));
    write(go[1], "x", 1), reap(p);
    write(go_too[1], "x", 1), reap(q);
}

int main(void) {
    alarm(20);
    master = MUST(posix_openpt(O_RDWR | O_NOCTTY));
    MUST(grantpt(master)), MUST(unlockpt(master));
    pid_t p = fork();
    if (!p) {
        in_session();
        fflush(stdout);
        _exit(0);
    }
    reap(p);
    return 0;
}

#include "t.h"

int main(void) {
    char b[100] = {0};
    int m = MUST(posix_openpt(O_RDWR | O_NOCTTY)), v = 0;
    SHOW(grantpt(m)), SHOW(unlockpt(m));
    VAL(strncmp(ptsname(m), "/dev/pts/", 9));
    int s = MUST(open(ptsname(m), O_RDWR | O_NOCTTY));
    SHOW(isatty(s));
    SHOW(write(m, "line\n", 5));
    SHOW(read(s, b, 100));
    memset(b, 0, 100);
    SHOW(read(m, b, 100));
    printf("echo %d %d\n", b[4], b[5]);
    SHOW(write(s, "out\n", 4));
    SHOW(read(m, b, 100));
    struct winsize w = {10, 20}, x;
    SHOW(ioctl(m, TIOCSWINSZ, &w)), SHOW(ioctl(s, TIOCGWINSZ, &x));
    printf("%d %d\n", x.ws_row, x.ws_col);
    char locked[36] = {1};
    SHOW(ioctl(s, TIOCGLCKTRMIOS, locked)), VAL(locked[0]), SHOW(ioctl(m, TIOCGLCKTRMIOS, BAD));
    SHOW(ioctl(s, FIONREAD, &v));
    SHOW(write(m, "partial", 7));
    struct pollfd p = {s, POLLIN};
    SHOW(poll(&p, 1, 0));
    write(m, "\x15rest\n", 6);
    memset(b, 0, 100);
    SHOW(read(s, b, 100));
    STR(b);
    write(m, "\x04", 1);
    SHOW(read(s, b, 100));
    close(s);
    p.fd = m;
    SHOW(poll(&p, 1, 0));
    printf("%x\n", p.revents & POLLHUP);
    while ((v = read(m, b, 100)) > 0);
    SHOW(read(m, b, 100));
    return 0;
}

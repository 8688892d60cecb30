#include "t.h"

int main(void) {
    char b[512];
    int i = OK((int)syscall(SYS_inotify_init));
    VAL(fcntl(i, F_GETFL));
    VAL(fcntl(i, F_GETFD));
    MUST(mkdir("d", 0755));
    VAL(inotify_add_watch(i, "d", IN_CREATE | IN_DELETE | IN_MOVE));
    put("d/a", "x");
    MUST(rename("d/a", "d/b"));
    MUST(unlink("d/b"));
    int pending = 0;
    MUST(ioctl(i, FIONREAD, &pending));
    VAL(pending);
    SHOW(read(i, b, 10));
    int n = MUST(read(i, b, sizeof b));
    for (int at = 0; at < n;) {
        struct inotify_event *e = (void *)(b + at);
        printf("%x %u %s %d\n", e->mask, e->len, e->name, !!e->cookie);
        at += sizeof *e + e->len;
    }
    SHOW(inotify_rm_watch(i, 1));
    SHOW(inotify_rm_watch(i, 1));
    SHOW(syscall(SYS_inotify_init1, 1));
    SHOW(inotify_add_watch(i, "d", 0));
    SHOW(inotify_add_watch(i, "d/none", IN_CREATE));
    SHOW(inotify_add_watch(0, "d", IN_CREATE));
    return 0;
}

/* When a watched file is gone for good: descriptors of all kinds that still held it, and other names. */
#include "t.h"

static int f;
static void drain(const char *when) {
    char b[4096];
    printf("%s:", when);
    for (int n; (n = read(f, b, sizeof b)) > 0;)
        for (char *p = b; p < b + n; p += sizeof(struct inotify_event) + ((struct inotify_event *)p)->len) {
            struct inotify_event *e = (void *)p;
            printf(" %d/%x/%s", e->wd, e->mask, e->len ? e->name : "");
        }
    printf("\n");
}
static int watch(int fd, unsigned mask) {
    char path[64];
    sprintf(path, "/proc/self/fd/%d", fd);
    return inotify_add_watch(f, path, mask);
}
int main(void) {
    MUST(mkdir("d", 0700)), MUST(chdir("d"));
    f = MUST(inotify_init1(IN_NONBLOCK));
    int here = MUST(open(".", O_PATH | O_DIRECTORY));
    SHOW(watch(here, IN_CREATE | IN_DELETE));
    for (int kind = 0; kind < 6; kind++) {
        put("sub", "");
        int fd = MUST(open("sub", kind & 1 ? O_PATH : O_RDONLY));
        SHOW(watch(fd, IN_DELETE_SELF));
        if (kind < 2) {
            close(fd), drain("closed");
            unlink("sub"), drain("unlinked");
        } else if (kind < 4) {
            unlink("sub"), drain("unlinked");
            close(fd), drain("closed");
        } else {
            close(fd);
            link("sub", "other"), unlink("sub"), drain("one of two");
            unlink("other"), drain("last");
        }
    }
    MUST(mkdir("sub", 0700));
    int fd = MUST(open("sub", O_PATH)), again = MUST(dup(fd));
    SHOW(watch(fd, IN_DELETE_SELF));
    rmdir("sub"), drain("removed"), close(fd), drain("one closed"), close(again), drain("both closed");
    return 0;
}

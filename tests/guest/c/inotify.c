#include "t.h"

static int f;
static void drain(void) {
    char b[4096];
    int n = read(f, b, sizeof b);
    if (n == -1) puts(ename(errno));
    for (int i = 0; i < n;) {
        struct inotify_event *e = (void *)(b + i);
        printf("  wd %d mask %x cookie %d %s\n", e->wd, e->mask, e->cookie != 0, e->len ? e->name : "-");
        i += sizeof *e + e->len;
    }
}
int main(void) {
    f = MUST(inotify_init1(IN_NONBLOCK));
    MUST(mkdir("d", 0755));
    SHOW(inotify_add_watch(f, "d", IN_ALL_EVENTS));
    drain();
    put("d/a", "x"), drain();
    rename("d/a", "d/b"), drain();
    chmod("d/b", 0600), drain();
    DIR *dir = opendir("d");
    while (readdir(dir))
        ;
    closedir(dir), drain();
    mkdir("d/sub", 0755), drain();
    rmdir("d/sub"), drain();
    SHOW(inotify_add_watch(f, "d/b", IN_MODIFY | IN_DELETE_SELF | IN_ATTRIB));
    put("d/b", "zz"), drain();
    unlink("d/b"), drain();
    SHOW(inotify_add_watch(f, "none", IN_CREATE));
    SHOW(inotify_add_watch(f, "d", 0));
    SHOW(inotify_add_watch(99, "d", IN_CREATE));
    SHOW(inotify_add_watch(0, "d", IN_CREATE));
    put("file", "");
    SHOW(inotify_add_watch(f, "file", IN_ONLYDIR | IN_CREATE));
    SHOW(inotify_add_watch(f, "d", IN_CREATE));
    put("d/c", ""), drain();
    SHOW(inotify_rm_watch(f, 1));
    drain();
    SHOW(inotify_rm_watch(f, 1));
    SHOW(inotify_init1(5));
    int q;
    SHOW(ioctl(f, FIONREAD, &q));
    VAL(q);
    return 0;
}

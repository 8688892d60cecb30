// admin
// Extended attributes of control groups and their files, in which systemd keeps notes (fs/kernfs/inode.c).
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static void set(const char *path, const char *name, const char *value, int flags) {
    int r = setxattr(path, name, value, strlen(value), flags);
    printf("set %s: %d %s\n", name, r, r ? strerror(errno) : "");
}

static void get(const char *path, const char *name) {
    char value[64] = "";
    ssize_t n = getxattr(path, name, value, sizeof value - 1);
    printf("get %s: %zd '%s' %s\n", name, n, value, n < 0 ? strerror(errno) : "");
}

int main(void) {
    setvbuf(stdout, NULL, _IONBF, 0);
    char place[] = "/tmp/cgxattr.XXXXXX", group[64], file[80], names[256];
    if (!mkdtemp(place) || unshare(CLONE_NEWNS) || mount(0, "/", 0, MS_REC | MS_PRIVATE, 0) || mount("none", place, "cgroup2", 0, 0))
        return puts("mount"), 1;
    snprintf(group, sizeof group, "%s/x%d", place, getpid());
    snprintf(file, sizeof file, "%s/cgroup.procs", group);
    printf("mkdir %d\n", mkdir(group, 0755));
    const char *const paths[] = {group, file};
    for (int i = 0; i < 2; i++) {
        const char *p = paths[i];
        get(p, "user.note");
        set(p, "user.note", "one", 0);
        set(p, "user.note", "two", XATTR_CREATE);
        set(p, "user.other", "two", XATTR_REPLACE);
        set(p, "user.note", "three", XATTR_REPLACE);
        get(p, "user.note");
        set(p, "trusted.note", "deep", 0);
        get(p, "trusted.note");
        set(p, "system.note", "no", 0);
        set(p, "user.", "no", 0);
        ssize_t n = listxattr(p, names, sizeof names);
        printf("names %zd\n", n);
        for (char *one = names; one < names + n; one += strlen(one) + 1)
            if (strstr(one, "note"))
                printf("  %s\n", one);
        printf("remove %d", removexattr(p, "user.note"));
        printf(" %d", removexattr(p, "user.note"));
        printf(" %s\n", strerror(errno));
        get(p, "user.note");
    }
    char name[32];
    int made = 0;
    for (; made < 200; made++) {
        snprintf(name, sizeof name, "user.n%d", made);
        if (setxattr(group, name, "v", 1, 0))
            break;
    }
    printf("%d: %s\n", made, strerror(errno));
    rmdir(group);
    umount2(place, MNT_DETACH);
    rmdir(place);
    return 0;
}

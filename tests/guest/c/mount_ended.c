// admin
#include "t.h"
#include <sys/mount.h>

/* Mounts that are over, and directories that were moved out of what a bind mount shows. */
static int tree(void) {
    int fs = syscall(SYS_fsopen, "tmpfs", 0);
    MUST(syscall(SYS_fsconfig, fs, 6, NULL, NULL, 0));
    int top = syscall(SYS_fsmount, fs, 0, 0);
    close(fs);
    return top;
}
static long attach(int top, const char *at) { return syscall(SYS_move_mount, top, "", AT_FDCWD, at, 4); }
static long share(int top) {
    unsigned long long attr[4] = {0, 0, MS_SHARED, 0};
    return syscall(SYS_mount_setattr, top, "", AT_EMPTY_PATH, attr, sizeof attr);
}
static int again(int fd) {
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    return open(name, O_PATH);
}
static void link_of(int fd) {
    char name[64], text[4096] = "";
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    SHOW(readlink(name, text, sizeof text - 1) > 0);
    printf("  %s\n", text);
}
static void listed(void) {
    char line[4096], place[512];
    FILE *f = fopen("/proc/self/mountinfo", "r");
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "%*d %*d %*s %*s %511s", place) == 1 && !strncmp(place, "/srv", 4)) printf("  %s\n", place);
    fclose(f);
}

int main(void) {
    MUST(unshare(CLONE_NEWNS));
    MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    MUST(mount("top", "/srv", "tmpfs", 0, "mode=755"));
    MUST(chdir("/srv"));
    mkdir("x", 0755), mkdir("y", 0755), mkdir("D", 0755), mkdir("D/y", 0755), mkdir("D/y/x", 0755), mkdir("o", 0755);
    int top = tree();
    SHOW(attach(top, "x"));
    SHOW(mount("x", "y", NULL, MS_BIND, NULL));
    OK(creat("x/file", 0600));
    SHOW(umount2("x", MNT_DETACH));
    SHOW(attach(top, "x"));
    SHOW(share(top));
    close(top);
    SHOW(access("y/file", F_OK));
    SHOW(umount("y"));
    top = tree();
    int other = again(top);
    close(top);
    SHOW(attach(other, "x"));
    SHOW(share(other));
    close(other);

    SHOW(mount("D", "x", NULL, MS_BIND, NULL));
    SHOW(mount("t", "x/y/x", "tmpfs", 0, NULL));
    MUST(chdir("x/y"));
    int file = creat("x/f", 0600), dir = open("x", O_RDONLY | O_DIRECTORY);
    SHOW(rename("/srv/D/y", "/srv/o/y"));
    char text[4096] = "";
    SHOW(syscall(SYS_getcwd, text, sizeof text));
    printf("  %s\n", text);
    link_of(file), link_of(dir);
    listed();
    SHOW(access("..", F_OK));
    SHOW(access("x/..", F_OK));
    SHOW(access("x/../..", F_OK));
    SHOW(access("../../etc", F_OK));
    SHOW(access("x/f", F_OK));
    SHOW(unshare(CLONE_NEWNS));
    listed();
    SHOW(access("x/f", F_OK));
    SHOW(access("..", F_OK));
    return 0;
}

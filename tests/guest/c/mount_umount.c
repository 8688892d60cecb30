// private
#include "t.h"
#include <sys/mount.h>

int main(void) {
    struct statfs s;
    if (unshare(CLONE_NEWNS) == 0) MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)); /* or there is but one */
    MUST(mkdir("m", 0755));
    MUST(mkdir("n", 0755));
    put("m/below", "x");
    SHOW(mount("none", "m", "tmpfs", MS_NOSUID, "mode=711"));
    SHOW(access("m/below", F_OK));
    show_mode("m");
    MUST(statfs("m", &s));
    VAL(s.f_type == 0x01021994);
    put("m/above", "y");
    SHOW(mount("m", "n", NULL, MS_BIND, NULL));
    SHOW(access("n/above", F_OK));
    SHOW(rename("m/above", "n/moved"));
    SHOW(link("m/above", "n/linked"));
    SHOW(rmdir("m"));
    SHOW(mount(NULL, "n", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    SHOW(open("n/new", O_WRONLY | O_CREAT, 0644));
    SHOW(unlink("n/above"));
    OK(open("m/new", O_WRONLY | O_CREAT, 0644));
    SHOW(access("n/new", W_OK));
    SHOW(umount2("n", UMOUNT_NOFOLLOW));
    int busy = MUST(open("m/new", O_RDONLY));
    SHOW(umount2("m", 0));
    SHOW(umount2("m", MNT_DETACH));
    SHOW(access("m/below", F_OK));
    close(busy);
    SHOW(mount("none", "n", "tmpfs", MS_RDONLY, NULL));
    SHOW(mkdir("n/x", 0755));
    SHOW(umount("n"));
    SHOW(umount("n"));
    return 0;
}

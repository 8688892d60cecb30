// private
#include "container_caps.h"
#include <sys/mount.h>

int main(void) {
    as_in_container();
    MUST(mkdir("m", 0755));
    put("f", "x");
    SHOW(mount("none", "no", "tmpfs", 0, NULL));
    SHOW(mount("none", "f", "tmpfs", 0, NULL));
    SHOW(mount("none", "m", "nosuchfs", 0, NULL));
    SHOW(mount("none", "m", NULL, 0, NULL));
    SHOW(mount("none", BAD, "tmpfs", 0, NULL));
    SHOW(mount("none", "m", BAD, 0, NULL));
    SHOW(mount(BAD, "m", "tmpfs", 0, NULL));
    SHOW(mount("no", "m", NULL, MS_BIND, NULL));
    SHOW(mount("f", "m", NULL, MS_BIND, NULL));
    SHOW(mount("m", "f", NULL, MS_BIND, NULL));
    SHOW(mount("m", "f", NULL, MS_MOVE, NULL));
    SHOW(mount(NULL, "m", NULL, MS_REMOUNT, NULL));
    SHOW(mount("none", "m", "tmpfs", 0, "nosuchoption=1"));
    SHOW(umount2("m", 0));
    SHOW(umount2("no", 0));
    SHOW(umount2("f", 0));
    SHOW(umount2("m", 64));
    SHOW(umount2("m", MNT_EXPIRE | MNT_DETACH));
    SHOW(umount2(BAD, 0));
    SHOW(umount2("", 0));
    MUST(setuid(1000));
    SHOW(mount("none", "m", "tmpfs", 0, NULL));
    SHOW(mount("none", "no", "tmpfs", 0, NULL));
    SHOW(umount2("m", 0));
    SHOW(umount2("m", 64));
    return 0;
}

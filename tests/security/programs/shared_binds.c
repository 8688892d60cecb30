/* A shared mount that is bound below itself, recursively, until that is refused: how many mounts that one call has made. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned long next_id(void) /* of mounts: they are counted */
{
    struct statx found;
    mkdir("/tmp/one", 0755);
    if (mount("one", "/tmp/one", "tmpfs", 0, NULL) || statx(AT_FDCWD, "/tmp/one", 0, STATX_MNT_ID, &found))
        return perror("one"), 0;
    umount("/tmp/one");
    return found.stx_mnt_id;
}

int main(void)
{
    char path[64];
    alarm(60);
    mkdir("/tmp/many", 0755);
    if (mount("many", "/tmp/many", "tmpfs", 0, NULL) || mount(NULL, "/tmp/many", NULL, MS_SHARED, NULL))
        return perror("mount"), 1;
    for (int i = 0; i < 20; i++) {
        sprintf(path, "/tmp/many/%d", i);
        mkdir(path, 0755);
        unsigned long before = next_id();
        if (!mount("/tmp/many", path, NULL, MS_BIND | MS_REC, NULL))
            continue;
        int error = errno;
        printf("%s, after %s mounts\n", strerror(error), next_id() - before < 15000 ? "few" : "many");
        break;
    }
    return 0;
}

/* A name that is missing in /proc is missing for who would make it, too. */
#include "t.h"

int main() {
    static const char *const names[] = {"/proc/none", "/proc/self/none", "/proc/self/fd/77", "/proc/sys/kernel/none", "/proc/self/net/none",
                                        "/proc/self/task/77", "/proc/self/ns/none", "/proc/self/none/", "/dev/pts/none"};
    for (int n = 0; n < sizeof names / sizeof *names; n++) {
        const char *name = names[n];
        struct sockaddr_un address = {AF_UNIX};
        int s = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
        strcpy(address.sun_path, name);
        puts(name);
        SHOW(open(name, O_CREAT | O_RDWR, 0600));
        SHOW(open(name, O_CREAT | O_EXCL | O_RDWR, 0600));
        SHOW(mkdir(name, 0700));
        SHOW(mknod(name, S_IFIFO | 0600, 0));
        SHOW(mknod(name, S_IFREG | 0600, 0));
        SHOW(symlink("x", name));
        SHOW(link("/proc/self/status", name));
        SHOW(rename("/proc/self/status", name));
        SHOW(unlink(name));
        SHOW(rmdir(name));
        SHOW(bind(s, (void *)&address, sizeof address));
        close(s);
    }
    return 0;
}

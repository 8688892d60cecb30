#include "t.h"

static int contains(const char *path, const char *text) {
    static char b[65536];
    int fd = open(path, O_RDONLY), n = 0, r;
    if (fd == -1) return -errno;
    while ((r = read(fd, b + n, sizeof b - 1 - n)) > 0) n += r;
    close(fd);
    b[n > 0 ? n : 0] = 0;
    return strstr(b, text) != NULL;
}
int main(int argc, char **argv) {
    char l[300] = {0};
    VAL(contains("/proc/self/status", "Name:\tc.proc_self"));
    VAL(contains("/proc/self/status", "Threads:\t1"));
    VAL(contains("/proc/self/status", "Uid:\t0\t0\t0\t0"));
    VAL(contains("/proc/self/maps", "[stack]"));
    VAL(contains("/proc/self/maps", "[vdso]"));
    VAL(contains("/proc/self/maps", "c.proc_self"));
    VAL(contains("/proc/self/cmdline", argv[0]));
    VAL(contains("/proc/self/comm", "c.proc_self"));
    VAL(contains("/proc/self/stat", "(c.proc_self) R"));
    VAL(contains("/proc/self/limits", "Max open files"));
    VAL(contains("/proc/self/mountinfo", " / "));
    VAL(contains("/proc/self/environ", "WORK="));
    VAL(contains("/proc/meminfo", "MemTotal:"));
    VAL(contains("/proc/cpuinfo", "processor\t: 0"));
    VAL(contains("/proc/uptime", "."));
    VAL(contains("/proc/loadavg", "/"));
    VAL(contains("/proc/stat", "cpu "));
    VAL(contains("/proc/version", "Linux version"));
    VAL(contains("/proc/filesystems", "proc"));
    VAL(contains("/proc/sys/kernel/pid_max", ""));
    VAL(contains("/proc/none", ""));
    VAL(readlink("/proc/self/cwd", l, 299) > 0);
    VAL(readlink("/proc/self/root", l, 299));
    VAL(readlink("/proc/self/exe", l, 299) > 0);
    VAL(open("/proc/self/fd/99", O_RDONLY));
    VAL(access("/proc/self/task", F_OK));
    VAL(atoi((memset(l, 0, 300), readlink("/proc/self", l, 299), l)) == getpid());
    SHOW(unlink("/proc/version"));
    SHOW(open("/proc/version", O_WRONLY));
    return 0;
}

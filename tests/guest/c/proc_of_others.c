#include "two_users.h"
#include <sys/prctl.h>
#include <sys/uio.h>
/* What of /proc/PID is for those only who could trace the process, whatever the modes say. */

static const char *names[] = {"maps", "smaps", "smaps_rollup", "numa_maps", "timers", "auxv", "environ", "syscall", "io", "mem", "pagemap",
                              "personality", "status", "cmdline", "limits", "statm", "wchan"};
static const char *links[] = {"exe", "cwd", "root", "ns/net", "fd/0"};
static const char *dirs[] = {"fd", "fdinfo", "map_files", "task", "ns"};

static const char *why(long result) { return result < 0 ? strerror(errno) : "ok"; }

static void look(int pid) {
    char path[64], text[4096] = "";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "/proc/%d/%s", pid, names[i]);
        int fd = open(path, O_RDONLY);
        long result = fd;
        if (fd >= 0 && strcmp(names[i], "mem") && strcmp(names[i], "pagemap"))
            result = read(fd, text, 8);
        printf("  %s: %s\n", names[i], why(result));
        close(fd);
    }
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        snprintf(path, sizeof path, "/proc/%d/%s", pid, links[i]);
        printf("  %s: %s\n", links[i], why(readlink(path, text, sizeof text)));
    }
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        snprintf(path, sizeof path, "/proc/%d/%s", pid, dirs[i]);
        int fd = open(path, O_RDONLY | O_DIRECTORY);
        printf("  %s: %s\n", dirs[i], why(fd));
        close(fd);
    }
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = MUST(open(path, O_RDONLY));
    text[MUST(read(fd, text, sizeof text - 1))] = 0;
    close(fd);
    int field = 2;
    for (char *word = strtok(strrchr(text, ')') + 1, " "); word; word = strtok(NULL, " ")) {
        field++;
        if ((field >= 26 && field <= 28) || (field >= 45 && field <= 51))
            printf("  %d %s\n", field, !strcmp(word, "0") || !strcmp(word, "1") ? word : "told");
    }
    char here;
    struct iovec mine = {&here, 1}, theirs = {path, 1};
    printf("  process_vm_readv: %s\n", why(process_vm_readv(pid, &mine, 1, &theirs, 1, 0)));
    int pidfd = MUST(syscall(SYS_pidfd_open, pid, 0));
    printf("  process_madvise: %s\n", why(syscall(SYS_process_madvise, pidfd, &theirs, 0, 20 /* MADV_COLD */, 0)));
    printf("  pidfd_getfd: %s\n", why(syscall(SYS_pidfd_getfd, pidfd, 0, 0)));
}

static void be(int user, int dumpable) {
    become(user);
    MUST(prctl(PR_SET_DUMPABLE, dumpable));
}

int main(void) {
    alarm(30);
    MUST(open("/dev/null", O_RDONLY));
    pair("another user", be, 1001, 1, look, 1000);
    pair("the same user", be, 1000, 1, look, 1000);
    pair("the same user, who does not want it", be, 1000, 0, look, 1000);
    pair("root", be, 0, 1, look, 1000);
    return 0;
}

// admin
#include "t.h"
#include <sys/mount.h>

/* What a file that is mapped is called after it was renamed, replaced and unlinked: maps, smaps, numa_maps and map_files follow. */
static char *at;

static void names(const char *what) {
    char path[64], l[600], link[300] = "", want[40];
    for (int n = 0; n < 2; n++) {
        FILE *f = fopen(n ? "/proc/self/smaps" : "/proc/self/maps", "r");
        while (fgets(l, sizeof l, f)) {
            unsigned long a, b;
            char name[300] = "";
            if (sscanf(l, "%lx-%lx %*s %*s %*s %*s %299[^\n]", &a, &b, name) >= 2 && a == (unsigned long)at && b > a) {
                char *base = strrchr(name, '/');
                printf("%s: %s %s\n", what, n ? "smaps" : "maps", base ? base : name);
            }
        }
        fclose(f);
    }
    snprintf(path, sizeof path, "/proc/self/map_files/%lx-%lx", (unsigned long)at, (unsigned long)at + 8192);
    ssize_t n = MUST(readlink(path, link, sizeof link - 1));
    link[n] = 0;
    char *base = strrchr(link, '/');
    int fd = open(path, O_RDONLY), error = errno;
    struct stat st;
    memset(want, 0, sizeof want);
    if (fd >= 0) {
        MUST(fstat(fd, &st));
        MUST(read(fd, want, sizeof want - 1));
        printf("%s: map_files %s, %lu links, %s\n", what, base, (unsigned long)st.st_nlink, want);
        close(fd);
    } else
        printf("%s: map_files %s, errno %d\n", what, base, error);
}

static void links(const char *what, int fd) {
    const char *paths[] = {"/proc/self/cwd", "/proc/self/exe", "/proc/self/root"};
    char link[300], path[64];
    for (int i = 0; i < 4; i++) {
        if (i == 3) snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t n = MUST(readlink(i == 3 ? path : paths[i], link, sizeof link - 1));
        link[n] = 0;
        char *base = strrchr(link, '/');
        printf("%s: %s %s\n", what, i == 3 ? "fd" : paths[i], base ? base : link);
    }
}

static void program(void) {
    fflush(stdout);
    MUST(mkdir("here", 0700));
    MUST(chdir("here"));
    put("f", "x");
    int fd = MUST(open("f", O_RDONLY));
    links("at first", fd);
    MUST(rename("../copy", "../other"));
    MUST(rename("../here", "../there"));
    MUST(rename("f", "../g"));
    links("renamed", fd);
    put("../new", "new");
    MUST(rename("../new", "../g"));
    MUST(unlink("../other"));
    MUST(rmdir("../there"));
    links("gone", fd);
    struct stat st;
    printf("opens: %d %d %d\n", open("/proc/self/exe", O_RDONLY) >= 0, open("/proc/self/cwd", O_RDONLY) >= 0, stat("/proc/self/exe", &st) ? -1 : (int)st.st_nlink);
    put("../other", "another");
    links("another of that name", fd);
    MUST(unlink("../other"));
    MUST(unlink("../g"));
}

int main(int argc, char **argv) {
    alarm(60);
    if (argc > 1) return program(), 0;
    put("one", "first");
    MUST(truncate("one", 8192));
    int fd = MUST(open("one", O_RDWR));
    at = MUST(mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0));
    close(fd);
    names("mapped");
    MUST(rename("one", "two"));
    names("renamed");
    MUST(mkdir("dir", 0700));
    MUST(rename("two", "dir/two"));
    MUST(rename("dir", "folder"));
    names("in a directory");
    put("three", "third");
    MUST(syscall(SYS_renameat2, AT_FDCWD, "folder/two", AT_FDCWD, "three", 2));
    names("exchanged");
    MUST(link("three", "four"));
    MUST(unlink("three"));
    names("by another link");
    MUST(unlink("four"));
    names("unlinked");
    put("three", "another");
    names("another of that name");
    MUST(munmap(at, 8192));
    at = MUST(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    char link[100] = "", path[64];
    snprintf(path, sizeof path, "/proc/self/map_files/%lx-%lx", (unsigned long)at, (unsigned long)at + 8192);
    MUST(readlink(path, link, sizeof link - 1));
    printf("%s\n", link);
    /* what is mapped keeps its mount busy */
    MUST(unshare(CLONE_NEWNS)), MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    MUST(mkdir("m", 0700)), MUST(mount("m", "m", "tmpfs", 0, NULL));
    put("m/f", "x");
    int mapped = MUST(open("m/f", O_RDONLY));
    at = MUST(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, mapped, 0));
    close(mapped);
    SHOW(umount("m")), MUST(munmap(at, 4096)), SHOW(umount("m")), MUST(mount("m", "m", "tmpfs", 0, NULL));
    put("m/f", "still here");
    mapped = MUST(open("m/f", O_RDONLY));
    at = MUST(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, mapped, 0));
    close(mapped), SHOW(umount2("m", MNT_DETACH));
    printf("%s\n", at);
    MUST(munmap(at, 4096)), MUST(rmdir("m"));
    MUST(unlink("three"));
    MUST(unlink("folder/two"));
    MUST(rmdir("folder"));
    int in = MUST(open("/proc/self/exe", O_RDONLY)), out = MUST(open("copy", O_WRONLY | O_CREAT, 0700));
    struct stat st;
    MUST(fstat(in, &st));
    for (off_t left = st.st_size; left > 0;) left -= MUST(sendfile(out, in, NULL, left));
    close(out), close(in);
    fflush(stdout);
    pid_t child = MUST(fork());
    if (!child) {
        execl("./copy", "copy", "program", NULL);
        _exit(9);
    }
    int status;
    MUST(waitpid(child, &status, 0));
    printf("status %x\n", status);
    return 0;
}

/* /proc/locks: what it says of the locks of this process. */
#include "t.h"

static int by_text(const void *a, const void *b) { return strcmp(a, b); }

/* In the order of their text: Linux lists them in that of processors and of time. */
static void look(const char *what, int fd) {
    char line[256], want[64];
    struct stat st;
    fstat(fd, &st);
    sprintf(want, ":%lu ", (long)st.st_ino);
    FILE *file = fopen("/proc/locks", "r");
    char found[8][128];
    int count = 0;
    printf("%s\n", what);
    while (fgets(line, sizeof line, file)) {
        char kind[16], strict[16], mode[16], place[64], start[32], end[32];
        int pid;
        if (strstr(line, want) && sscanf(line, "%*d: %15s %15s %15s %d %63s %31s %31s", kind, strict, mode, &pid, place, start, end) == 7)
            sprintf(found[count++ % 8], "  %s %s %s %s %s %s", kind, strict, mode, pid == getpid() ? "mine" : pid == -1 ? "-1" : "other", start, end);
    }
    fclose(file);
    qsort(found, count, sizeof found[0], by_text);
    for (int i = 0; i < count; i++)
        puts(found[i]);
}

int main(void) {
    int a = open("one", O_CREAT | O_RDWR, 0600), b = open("two", O_CREAT | O_RDWR, 0600), c = open("three", O_CREAT | O_RDWR, 0600);
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 5, .l_len = 10};
    fcntl(a, F_SETLK, &l), look("one record", a);
    l.l_type = F_RDLCK, l.l_start = 50, l.l_len = 0;
    fcntl(a, F_SETLK, &l), look("two records", a);
    l.l_type = F_UNLCK, l.l_start = 8, l.l_len = 2;
    fcntl(a, F_SETLK, &l), look("a hole", a);
    close(dup(a)), look("none", a);
    l.l_type = F_WRLCK, l.l_start = 0, l.l_len = 1;
    fcntl(b, F_OFD_SETLK, &l), look("of a description", b);
    flock(c, LOCK_SH), look("flock, shared", c);
    flock(c, LOCK_EX), look("flock", c);
    flock(c, LOCK_UN), look("none", c);
    int d = open("four", O_CREAT | O_RDONLY, 0600);
    printf("lease %d\n", fcntl(d, F_SETLEASE, F_RDLCK)), look("lease", d);
    return 0;
}

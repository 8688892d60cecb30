/* What /proc/PID/clear_refs makes forget: which pages were used (Referenced of smaps), and which were written (pagemap). */
#include "t.h"

static char *own, *file;

static void clear_(const char *kind) {
    int fd = MUST(open("/proc/self/clear_refs", O_WRONLY));
    printf("%s: %s\n", kind, write(fd, kind, 1) == 1 ? "ok" : ename(errno));
    close(fd);
}

/* Referenced of the area that begins at `at`, in kB. */
static int used(char *at) {
    char line[512], want[32];
    int found = 0, kb = -1;
    sprintf(want, "%lx-", (long)at);
    FILE *f = fopen("/proc/self/smaps", "r");
    while (kb < 0 && fgets(line, sizeof line, f)) {
        if (!strncmp(line, want, strlen(want))) found = 1;
        if (found) sscanf(line, "Referenced: %d", &kb);
    }
    fclose(f);
    return kb;
}

static void both(void) {
    printf("own %d file %d\n", used(own) > 0, used(file));
}

static int written(char *at) {
    unsigned long word = 0;
    int fd = MUST(open("/proc/self/pagemap", O_RDONLY));
    MUST(pread(fd, &word, 8, (long)at / 4096 * 8));
    close(fd);
    return word >> 55 & 1;
}

int main(void) {
    put("f", "text");
    MUST(truncate("f", 4096));
    int fd = MUST(open("f", O_RDWR));
    for (int kind = 1; kind < 4; kind++) {
        char text[2] = {'0' + kind, 0};
        own = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        file = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
        own[0] = own[4096] = 1, ((volatile char *)file)[0];
        both();
        clear_(text);
        both();
        mprotect(own + 2 * 4096, 4096, PROT_NONE); /* the next one is an area of its own */
    }
    own = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    own[0] = 1;
    int before = written(own);
    clear_("4");
    int after = written(own);
    own[0] = 2;
    printf("written %d\n", before == written(own) && !after);
    return 0;
}

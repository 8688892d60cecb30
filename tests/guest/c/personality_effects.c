/* What the flags of personality(2) do: to layouts, protections, names and time-outs; what execve(2) leaves of them. */
#include "t.h"
#include <sys/personality.h>

static int prot(void *at) {
    char line[512];
    int found = -1;
    FILE *f = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, f)) {
        unsigned long a, b;
        char p[5];
        sscanf(line, "%lx-%lx %4s", &a, &b, p);
        if (a <= (long)at && (long)at < b) found = (p[0] == 'r') | (p[1] == 'w') << 1 | (p[2] == 'x') << 2;
    }
    fclose(f);
    return found;
}

static void protections(void) {
    char *m = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *w = mmap(NULL, 4096, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *n = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("%d %d %d", prot(m), prot(w), prot(n));
    mprotect(n, 4096, PROT_READ | PROT_WRITE), mprotect(m, 4096, PROT_WRITE);
    char *b = sbrk(0);
    sbrk(1 << 20);
    printf(" %d %d heap %d\n", prot(m), prot(n), prot(b + (1 << 19)));
    sbrk(-(1 << 20));
}

static void once(const char *self, const char *what) {
    int s, pid = fork();
    if (!pid) execl(self, self, what, NULL), _exit(9);
    MUST(waitpid(pid, &s, 0));
    if (s) show_status(s);
}

/* Where things are in a new program, as text. */
static void where(const char *self, char *text) {
    int p[2];
    pipe(p);
    if (!fork()) dup2(p[1], 1), execl(self, self, "where", NULL), _exit(9);
    close(p[1]);
    int n = read(p[0], text, 200);
    text[n < 0 ? 0 : n] = 0;
    close(p[0]);
    wait(NULL);
}

static void compat(void) {
    char *a = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *b = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("upwards %d low %d\n", b > a, a < (char *)0x600000000000);
}

int main(int argc, char **argv) {
    char one[256], two[256];
    struct utsname u, v;
    setvbuf(stdout, NULL, _IONBF, 0);
    if (argc > 1 && !strcmp(argv[1], "where")) {
        printf("%p %p %p %p\n", (void *)main, (void *)&argc, sbrk(0), (void *)printf);
        return 0;
    }
    if (argc > 1 && !strcmp(argv[1], "kept")) {
        printf("%x\n", personality(0xffffffff));
        return 0;
    }
    if (argc > 1 && !strcmp(argv[1], "compat")) return compat(), 0;
    protections();
    personality(READ_IMPLIES_EXEC);
    protections();
    once(argv[0], "kept");
    personality(0xffffff & ~ADDR_COMPAT_LAYOUT & ~PER_MASK);
    once(argv[0], "kept");
    personality(0);
    where(argv[0], one), where(argv[0], two);
    printf("alike %d\n", !strcmp(one, two));
    personality(ADDR_NO_RANDOMIZE);
    where(argv[0], one), where(argv[0], two);
    printf("alike %d\n", !strcmp(one, two));
    personality(0);
    once(argv[0], "compat");
    personality(ADDR_COMPAT_LAYOUT);
    once(argv[0], "compat");
    personality(0);
    uname(&u);
    personality(UNAME26);
    uname(&v);
    int minor = atoi(strchr(u.release, '.') + 1);
    sprintf(one, "2.6.%d", minor + 60);
    printf("uname %d %d\n", !strncmp(v.release, one, strlen(one)), strcmp(u.release, v.release) != 0);
    personality(PER_LINUX32);
    uname(&v);
    printf("%s\n", v.machine);
    for (int i = 0; i < 2; i++) {
        struct timeval t = {0, 2000};
        struct timespec s = {0, 2000000};
        personality(i ? STICKY_TIMEOUTS : 0);
        SHOW(select(0, NULL, NULL, NULL, &t));
        SHOW(syscall(SYS_ppoll, NULL, 0, &s, NULL, 0));
        printf("%ld %ld\n", t.tv_usec, s.tv_nsec);
    }
    return 0;
}

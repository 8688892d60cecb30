/* admin - what /proc/PID/{timers,attr,clear_refs,sched,stack,map_files,numa_maps,projid_map} say and take. */
#include "t.h"
#include <sys/syscall.h>
#include <time.h>

static char path[128];

static const char *of(int pid, const char *name) {
    sprintf(path, "/proc/%d/%s", pid, name);
    return path;
}


static void show_(int pid, const char *name) {
    char text[4000];
    int fd = open(of(pid, name), O_RDONLY);
    if (fd < 0) {
        printf("%s: open %s\n", name, strerrorname_np(errno));
        return;
    }
    int n = read(fd, text, sizeof text - 1);
    text[n < 0 ? 0 : n] = 0;
    for (char *at = text; (at = strstr(at, "pid.")) || 0; at += 4)
        for (char *d = at + 4; *d >= '0' && *d <= '9'; d++)
            *d = '.';
    for (char *at = text; (at = strstr(at, "tid.")) || 0; at += 4)
        for (char *d = at + 4; *d >= '0' && *d <= '9'; d++)
            *d = '.';
    char *dots;
    while ((dots = strstr(text, "..")))
        memmove(dots, dots + 1, strlen(dots));
    printf("%s: %s\n%s", name, n < 0 ? strerrorname_np(errno) : "ok", text);
    close(fd);
}

static void store_(int pid, const char *name, const char *text) {
    int fd = open(of(pid, name), O_WRONLY);
    if (fd < 0) {
        printf("%s=%s: open %s\n", name, text, strerrorname_np(errno));
        return;
    }
    int n = write(fd, text, strlen(text));
    printf("%s=%s: %s\n", name, text, n < 0 ? strerrorname_np(errno) : n == strlen(text) ? "ok" : "short");
    close(fd);
}

static void links(int pid, int follow) {
    DIR *dir = opendir(of(pid, "map_files"));
    printf("map_files: %s\n", dir ? "ok" : strerrorname_np(errno));
    if (!dir)
        return;
    struct dirent *e;
    int count = 0, own = 0;
    char base[128], text[256], exe[256] = "";
    snprintf(base, sizeof base, "%s", path);
    readlink(of(pid, "exe"), exe, 255);
    while ((e = readdir(dir))) {
        char one[400];
        struct stat st;
        if (e->d_name[0] == '.')
            continue;
        snprintf(one, 400, "%s/%s", base, e->d_name);
        int n = readlink(one, text, 255);
        text[n < 0 ? 0 : n] = 0;
        if (!count++) {
            lstat(one, &st);
            printf("%s %o %d %d\n", n < 0 ? strerrorname_np(errno) : "ok", st.st_mode, (int)st.st_size, e->d_type);
            if (follow) {
                int fd = open(one, O_RDONLY);
                printf("open %s\n", fd < 0 ? strerrorname_np(errno) : "ok");
                close(fd);
            }
        }
        own += !strcmp(text, exe);
    }
    printf("%d %d\n", count > 3, own > 2);
    closedir(dir);
    const char *wrong[] = {"0-1000", "x", "00-1000", "-", "0-"};
    for (int i = 0; i < 5; i++) {
        sprintf(path, "%s/%s", base, wrong[i]);
        printf("%s: %s\n", wrong[i], readlink(path, text, 255) < 0 ? strerrorname_np(errno) : "ok");
    }
}

static void all(int pid, int follow) {
    const char *attr[] = {"attr/current", "attr/prev", "attr/exec", "attr/fscreate", "attr/keycreate", "attr/sockcreate"};
    for (int i = 0; i < 6; i++)
        show_(pid, attr[i]), store_(pid, attr[i], "x");
    const char *refs[] = {"0", "1", "2", "3", "4", "5", "6", "-1", "x", "", "1\n", " 1", "1x", "0x1", "11111111111111111111"};
    for (int i = 0; i < 15; i++)
        store_(pid, "clear_refs", refs[i]);
    show_(pid, "clear_refs");
    store_(pid, "sched", "x"), store_(pid, "sched", "");
    show_(pid, "ksm_merging_pages"), show_(pid, "projid_map"), store_(pid, "projid_map", "0 0 1");
    int fd = open(of(pid, "stack"), O_RDONLY);
    printf("stack: %s\n", fd < 0 ? strerrorname_np(errno) : "ok");
    close(fd);
    links(pid, follow);
}

/* Areas of this process that a line of numa_maps is about. */
static void numa(void) {
    char line[1024], want[32];
    char *own = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    own[0] = own[4096] = 1;
    unsigned long node = 1;
    char *bound = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    syscall(SYS_mbind, bound, 4096, 2, &node, 64, 0);
    sprintf(want, "%lx ", (long)bound);
    FILE *file = fopen("/proc/self/numa_maps", "r");
    int stack = 0, files = 0;
    while (fgets(line, sizeof line, file)) {
        stack += strstr(line, " stack") != NULL, files += strstr(line, " file=/") != NULL;
        if (!strncmp(line, want, strlen(want)))
            printf("bound: %.7s\n", line + strlen(want));
    }
    printf("stack %d files %d\n", stack, files > 3);
    fclose(file);
}

int main(void) {
    setbuf(stdout, NULL);
    if (fork()) {
        int status;
        wait(&status);
        return WEXITSTATUS(status);
    }
    setsid();
    timer_t t;
    struct sigevent e = {.sigev_notify = SIGEV_NONE, .sigev_signo = 11, .sigev_value.sival_int = 7};
    timer_create(CLOCK_MONOTONIC, &e, &t), timer_create(CLOCK_REALTIME, NULL, &t);
    e.sigev_notify = SIGEV_THREAD_ID, e._sigev_un._tid = getpid(), e.sigev_signo = 10;
    e.sigev_value.sival_ptr = (void *)0x123456789abcdef0;
    timer_create(CLOCK_PROCESS_CPUTIME_ID, &e, &t);
    show_(getpid(), "timers");
    all(getpid(), 1);
    numa();
    const char *names[] = {"timers", "map_files", "attr", "clear_refs", "numa_maps", "io", "stack", "projid_map"};
    for (int i = 0; i < 8; i++) {
        char thread[64];
        sprintf(thread, "/proc/thread-self/%s", names[i]);
        printf("%s %d %d\n", names[i], access(of(getpid(), names[i]), F_OK), access(thread, F_OK));
    }
    int parent = getpid();
    if (!fork()) {
        setgid(1000), setuid(1000);
        all(getpid(), 1), all(parent, 0);
        _exit(0);
    }
    wait(NULL);
    return 0;
}

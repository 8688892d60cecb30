/* Takes all it can get of one thing, then says that it is still there: hog memory|fork|files|pipe|threads. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void *forever(void *p) { pause(); return p; }
static int memory(void) {
    long chunks = 0;
    for (; chunks < 100000; chunks++) {
        char *p = mmap(0, 16 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED) break;
        for (int i = 0; i < 16 << 20; i += 4096) p[i] = 1;
    }
    printf("memory: %s after some: %d\n", strerrorname_np(errno), chunks > 2 && chunks < 10000);
    return 0;
}
static int bomb(void) {
    setpgid(0, 0);
    int n = 0, error = 0;
    for (; n < 100000; n++) {
        int pid = fork();
        if (pid < 0) { error = errno; break; }
        if (!pid) { pause(); _exit(0); }
    }
    signal(SIGTERM, SIG_IGN);
    kill(0, SIGTERM);
    int reaped = 0;
    while (wait(0) > 0) reaped++;
    printf("fork: %s, all reaped: %d\n", strerrorname_np(error), reaped == n);
    return 0;
}
static int files(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    long n = 0;
    while (n < 100000 && open("/dev/null", O_RDONLY) >= 0) n++;
    printf("files: opened many: %d\n", n > 1000);
    return 0;
}
static int closed_reader(void) {
    int p[2];
    signal(SIGPIPE, SIG_IGN);
    if (pipe(p)) return 1;
    close(p[0]);
    long failed = 0;
    for (int i = 0; i < 20000; i++) failed += write(p[1], "x", 1) == -1 && errno == EPIPE;
    printf("pipe: %ld writes failed\n", failed);
    return 0;
}
static int threads(void) {
    pthread_t t;
    int n = 0, error = 0;
    pthread_attr_t a;
    pthread_attr_init(&a);
    pthread_attr_setstacksize(&a, 16384);
    while (n < 100000 && !(error = pthread_create(&t, &a, forever, 0))) n++;
    printf("threads: %s after some: %d\n", strerrorname_np(error), n > 10);
    return 0;
}
int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    setvbuf(stdout, 0, _IOLBF, 0);
    if (!strcmp(what, "memory")) return memory();
    if (!strcmp(what, "fork")) return bomb();
    if (!strcmp(what, "files")) return files();
    if (!strcmp(what, "pipe")) return closed_reader();
    if (!strcmp(what, "threads")) return threads();
    return 2;
}

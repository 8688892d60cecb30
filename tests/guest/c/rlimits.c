#include "t.h"

int main(void) {
    struct rlimit r, n;
    int ids[] = {RLIMIT_NOFILE, RLIMIT_STACK, RLIMIT_CORE, RLIMIT_FSIZE, RLIMIT_AS};
    for (int i = 0; i < 5; i++) SHOW(getrlimit(ids[i], &r));
    SHOW(getrlimit(99, &r));
    SHOW(getrlimit(RLIMIT_NOFILE, BAD));
    SHOW(setrlimit(RLIMIT_NOFILE, BAD));
    r = (struct rlimit){20, 30};
    SHOW(setrlimit(RLIMIT_NOFILE, &r));
    SHOW(prlimit(0, RLIMIT_NOFILE, NULL, &n));
    printf("%ld %ld\n", (long)n.rlim_cur, (long)n.rlim_max);
    r = (struct rlimit){31, 30};
    SHOW(setrlimit(RLIMIT_NOFILE, &r));
    int count = 0;
    while (dup(1) != -1) count++;
    STR(ename(errno));
    SHOW(fcntl(1, F_DUPFD, 20));
    SHOW(dup2(1, 20));
    SHOW(dup2(1, 19));
    SHOW(open("x", O_CREAT | O_RDWR, 0600));
    SHOW(access("x", F_OK));
    SHOW(socket(AF_UNIX, SOCK_STREAM, 0));
    for (int i = 5; i < 20; i++) close(i);
    r = (struct rlimit){100, 100};
    signal(SIGXFSZ, SIG_IGN);
    SHOW(setrlimit(RLIMIT_FSIZE, &r));
    int fd = MUST(open("f", O_CREAT | O_RDWR, 0600));
    char b[200] = {0};
    SHOW(write(fd, b, 200));
    SHOW(write(fd, b, 200));
    SHOW(ftruncate(fd, 101));
    SHOW(fallocate(fd, 0, 0, 150));
    pid_t c = fork();
    if (c == 0) {
        signal(SIGXFSZ, SIG_DFL);
        r.rlim_cur = r.rlim_max = 0;
        setrlimit(RLIMIT_CORE, &r);
        write(fd, b, 1);
        _exit(0);
    }
    reap(c);
    SHOW(prlimit(999999, RLIMIT_NOFILE, NULL, &n));
    r = (struct rlimit){RLIM_INFINITY, 200};
    SHOW(setrlimit(RLIMIT_FSIZE, &r));
    r = (struct rlimit){64 << 20, 64 << 20};
    SHOW(setrlimit(RLIMIT_AS, &r));
    SHOW((long)mmap(NULL, 128 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    VAL(malloc(128 << 20) == NULL);
    MUST(setuid(1000));
    SHOW(prlimit(getppid(), RLIMIT_NOFILE, NULL, &n));
    r = (struct rlimit){70 << 20, 70 << 20};
    SHOW(setrlimit(RLIMIT_AS, &r));
    SHOW(fork() >= 0);
    return 0;
}

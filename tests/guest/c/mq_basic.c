// private
#include "container_caps.h"

static char name[64];
static void open_as(const char *what, int flags, mode_t mode, struct mq_attr *attr) {
    errno = 0;
    long fd = syscall(SYS_mq_open, what, flags, mode, attr);
    printf("mq_open(%.2s, %o): %s\n", what, flags, fd < 0 ? ename(errno) : "ok");
    if (fd >= 0) close(fd);
}
static void attributes(mqd_t q) {
    struct mq_attr a;
    memset(&a, 0xff, sizeof a);
    SHOW(mq_getattr(q, &a));
    printf("flags %lo maxmsg %ld msgsize %ld curmsgs %ld\n", a.mq_flags, a.mq_maxmsg, a.mq_msgsize, a.mq_curmsgs);
}
static void receive(mqd_t q) {
    char b[8200];
    unsigned prio = 99;
    errno = 0;
    int n = mq_receive(q, b, sizeof b, &prio);
    if (n < 0) printf("mq_receive: %s\n", ename(errno));
    else printf("mq_receive: %d bytes \"%.*s\" prio %u\n", n, n > 20 ? 20 : n, b, prio);
}
int main(void) {
    as_in_container();
    sprintf(name, "q.%d", getpid());
    char long_name[300] = "";
    memset(long_name, 'l', 256);
    open_as(name, O_RDWR, 0, NULL);
    open_as("", O_RDWR | O_CREAT, 0600, NULL);
    open_as(".", O_RDWR | O_CREAT, 0600, NULL);
    open_as("..", O_RDWR | O_CREAT, 0600, NULL);
    open_as("a/b", O_RDWR | O_CREAT, 0600, NULL);
    open_as("/a", O_RDWR | O_CREAT, 0600, NULL);
    open_as(long_name, O_RDWR | O_CREAT, 0600, NULL);
    SHOW(syscall(SYS_mq_open, BAD, O_RDWR, 0, NULL));
    SHOW(syscall(SYS_mq_open, name, O_RDWR | O_CREAT, 0600, BAD));
    SHOW(syscall(SYS_mq_unlink, name));
    SHOW(syscall(SYS_mq_unlink, "a/b"));
    SHOW(syscall(SYS_mq_unlink, ""));
    SHOW(syscall(SYS_mq_unlink, long_name));
    SHOW(syscall(SYS_mq_unlink, BAD));
    long sizes[][2] = {{0, 1}, {1, 0}, {-1, 1}, {1, -1}, {11, 8}, {10, 8193}, {65537, 1}, {1, 16777217}};
    for (int i = 0; i < 8; i++) {
        struct mq_attr a = {0, sizes[i][0], sizes[i][1], 0};
        printf("%ld of %ld: ", sizes[i][0], sizes[i][1]);
        open_as(name, O_RDWR | O_CREAT, 0600, &a);
    }
    struct mq_attr a = {O_NONBLOCK, 4, 100, 7};
    umask(027);
    mqd_t q = MUST(syscall(SYS_mq_open, name, O_RDWR | O_CREAT | O_EXCL, 0777, &a));
    umask(0);
    open_as(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL);
    open_as(name, O_RDWR | O_CREAT, 0600, NULL);
    open_as(name, O_ACCMODE, 0, NULL);
    attributes(q);
    struct stat s;
    MUST(fstat(q, &s));
    printf("mode %o size %ld links %d uid %d\n", s.st_mode, (long)s.st_size, (int)s.st_nlink, s.st_uid);
    VAL(fcntl(q, F_GETFD));
    char path[64], link[128] = "", want[128];
    sprintf(path, "/proc/self/fd/%d", q);
    MUST(readlink(path, link, sizeof link));
    sprintf(want, "/%s", name);
    VAL(strcmp(link, want));

    SHOW(mq_send(q, "low", 3, 1));
    SHOW(mq_send(q, "high", 4, 32767));
    SHOW(mq_send(q, "too high", 8, 32768));
    SHOW(mq_send(q, "low again", 9, 1));
    SHOW(mq_send(q, "", 0, 5));
    attributes(q);
    char text[101] = "", status[200] = "";
    SHOW(mq_send(q, text, 101, 0));
    SHOW(mq_send(q, BAD, 5, 0));
    int n = MUST(read(q, status, sizeof status));
    printf("[%d] %s", n, status);
    SHOW(read(q, status, sizeof status));
    SHOW(lseek(q, 6, SEEK_SET));
    SHOW(read(q, status, 3));
    SHOW(write(q, "x", 1));
    SHOW(fcntl(q, F_SETFL, O_NONBLOCK));
    SHOW(mq_send(q, "full", 4, 0));
    SHOW(mq_receive(q, text, 99, NULL));
    for (int i = 0; i < 5; i++) receive(q);
    SHOW(mq_send(q, "lost", 4, 0));
    SHOW(mq_receive(q, BAD, 100, NULL));
    receive(q);
    SHOW(mq_send(q, "lost", 4, 0));
    SHOW(mq_receive(q, text, 100, BAD));
    receive(q);
    struct timespec bad = {0, -1}, past = {1, 0};
    SHOW(mq_timedsend(q, "x", 1, 0, &bad));
    SHOW(mq_timedsend(q, "x", 1, 0, &past));
    SHOW(mq_timedreceive(q, text, 100, NULL, &past));
    SHOW(mq_timedreceive(q, text, 100, NULL, &past));
    SHOW(mq_timedreceive(q, text, 100, NULL, BAD));
    a.mq_flags = 0;
    SHOW(mq_setattr(q, &a, NULL));
    VAL(fcntl(q, F_GETFL) & O_NONBLOCK);
    SHOW(mq_timedreceive(q, text, 100, NULL, &past));
    a.mq_flags = O_NONBLOCK | O_APPEND;
    SHOW(mq_setattr(q, &a, NULL));
    SHOW(syscall(SYS_mq_getsetattr, q, BAD, NULL));
    SHOW(syscall(SYS_mq_getsetattr, q, NULL, BAD));
    SHOW(syscall(SYS_mq_getsetattr, q, NULL, NULL));
    SHOW(mq_getattr(0, &a));
    SHOW(mq_getattr(77, &a));
    SHOW(mq_send(0, "x", 1, 0));
    SHOW(mq_receive(77, text, 100, NULL));
    mqd_t reader = MUST(syscall(SYS_mq_open, name, O_RDONLY, 0, NULL)), writer = MUST(syscall(SYS_mq_open, name, O_WRONLY, 0, NULL));
    SHOW(mq_send(reader, "x", 1, 0));
    SHOW(mq_receive(writer, text, 100, NULL));
    SHOW(mq_send(writer, "through", 7, 0));
    receive(reader);
    pid_t c = fork();
    if (c == 0) {
        MUST(setgroups(0, NULL));
        MUST(setgid(1500));
        MUST(setuid(1500));
        open_as(name, O_RDONLY, 0, NULL);
        open_as(name, O_RDWR, 0, NULL);
        SHOW(syscall(SYS_mq_unlink, name));
        char mine[64];
        sprintf(mine, "m.%d", getpid());
        open_as(mine, O_RDWR | O_CREAT, 0600, NULL);
        a = (struct mq_attr){0, 10, 8192};
        int count = 0;
        for (;; count++) {
            sprintf(mine, "m%d.%d", count, getpid());
            errno = 0;
            long fd = syscall(SYS_mq_open, mine, O_RDWR | O_CREAT, 0600, &a);
            if (fd < 0) break;
            close(fd);
        }
        printf("%d, then %s\n", count, ename(errno));
        while (count--) {
            sprintf(mine, "m%d.%d", count, getpid());
            MUST(syscall(SYS_mq_unlink, mine));
        }
        struct rlimit low = {1000, 1000};
        MUST(setrlimit(RLIMIT_MSGQUEUE, &low));
        sprintf(mine, "n.%d", getpid());
        open_as(mine, O_RDWR | O_CREAT, 0600, &a);
        sprintf(mine, "m.%d", getpid());
        SHOW(syscall(SYS_mq_unlink, mine));
        a = (struct mq_attr){0, 5, 104};
        open_as(mine, O_RDWR | O_CREAT, 0600, &a);
        a = (struct mq_attr){0, 5, 105};
        sprintf(mine, "o.%d", getpid());
        open_as(mine, O_RDWR | O_CREAT, 0600, &a);
        sprintf(mine, "m.%d", getpid());
        SHOW(syscall(SYS_mq_unlink, mine));
        _exit(0);
    }
    reap(c);
    SHOW(syscall(SYS_mq_unlink, name));
    open_as(name, O_RDWR, 0, NULL);
    SHOW(mq_send(q, "still", 5, 0));
    receive(reader);
    memset(link, 0, sizeof link);
    MUST(readlink(path, link, sizeof link));
    strcat(want, " (deleted)");
    VAL(strcmp(link, want));
    VAL((fstat(q, &s), s.st_nlink));
    return 0;
}

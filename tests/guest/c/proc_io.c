/* /proc/PID/io: which calls count as reading and writing, how many bytes, whose they are in the end. */
#include "t.h"

struct count {
    long long rchar, wchar, syscr, syscw;
};

/* What was counted before this look, and the look itself. */
static struct count get_(const char *path, struct count *with) {
    struct count c;
    char text[512] = "";
    int fd = open(path, O_RDONLY), n = pread(fd, text, 511, 0);
    close(fd);
    sscanf(text, "rchar: %lld\nwchar: %lld\nsyscr: %lld\nsyscw: %lld", &c.rchar, &c.wchar, &c.syscr, &c.syscw);
    if (with)
        *with = c, with->rchar += n, with->syscr++;
    return c;
}

#define SELF "/proc/self/io"
#define DO(call)                                                                                                           \
    do {                                                                                                                   \
        struct count a, b;                                                                                                 \
        get_(SELF, &a), errno = 0;                                                                                         \
        long r = (long)(call);                                                                                             \
        int e = errno;                                                                                                     \
        b = get_(SELF, NULL);                                                                                              \
        printf("%s: %s %lld %lld %lld %lld\n", #call, r < 0 ? strerrorname_np(e) : "ok", b.rchar - a.rchar,                \
               b.wchar - a.wchar, b.syscr - a.syscr, b.syscw - a.syscw);                                                   \
        fflush(stdout);                                                                                                    \
    } while (0)

static void *thread(void *arg) {
    char buf[64];
    struct count a = get_("/proc/thread-self/io", NULL);
    write(*(int *)arg, buf, 33), write(*(int *)arg, buf, 1);
    struct count b = get_("/proc/thread-self/io", NULL);
    printf("thread %lld %lld\n", b.wchar - a.wchar, b.syscw - a.syscw);
    return NULL;
}

int main(void) {
    char buf[8192] = "";
    int p[2], s[2], dir = open("/", O_RDONLY), f = open("one", O_CREAT | O_RDWR, 0600), g = open("two", O_CREAT | O_RDWR, 0600);
    struct iovec v[2] = {{buf, 10}, {buf, 20}};
    off_t o = 0;
    loff_t at = 0;
    pipe2(p, O_NONBLOCK), socketpair(AF_UNIX, SOCK_STREAM, 0, s);
    setvbuf(stdout, malloc(65536), _IOFBF, 65536);
    DO(write(p[1], buf, 100));
    DO(read(p[0], buf, 40));
    DO(read(p[0], buf, 400));
    DO(read(p[0], buf, 400));
    DO(read(-1, buf, 4));
    DO(read(p[1], buf, 4));
    DO(write(p[0], buf, 4));
    DO(read(p[0], (void *)-1, 4));
    DO(read(dir, buf, 4));
    DO(write(p[1], (void *)1, 4));
    DO(read(p[0], buf, 0));
    DO(write(p[1], buf, 0));
    DO(write(-1, buf, 3));
    DO(writev(p[1], v, 2));
    DO(readv(p[0], v, 2));
    DO(readv(p[0], v, 2));
    DO(readv(-1, v, 2));
    DO(readv(p[0], v, 0));
    DO(readv(p[0], v, -1));
    DO(pwrite(f, buf, 5000, 0));
    DO(pread(f, buf, 5000, 10));
    DO(pread(f, buf, 50, -1));
    DO(pread(p[0], buf, 5, 0));
    DO(pwritev(f, v, 2, 0));
    DO(preadv(f, v, 2, 0));
    DO(preadv(f, v, 2, -1));
    DO(pwritev2(f, v, 2, 0, 0));
    DO(preadv2(f, v, 2, -1, 0));
    DO(preadv2(p[0], v, 2, 0, 0));
    DO(sendfile(g, f, &o, 1000));
    DO(sendfile(g, f, &o, 0));
    DO(copy_file_range(f, &at, g, 0, 500, 0));
    DO(copy_file_range(f, &at, g, 0, 0, 0));
    DO(copy_file_range(-1, &at, g, 0, 0, 0));
    at = 0;
    DO(splice(f, &at, p[1], 0, 300, 0));
    DO(splice(p[0], 0, g, 0, 300, 0));
    DO(send(s[0], buf, 10, 0));
    DO(recv(s[1], buf, 10, 0));
    DO(write(s[0], buf, 10));
    DO(read(s[1], buf, 10));
    DO(fsync(f));
    DO(lseek(f, 0, 0));
    DO(({
        int child = fork();
        if (!child)
            write(p[1], buf, 77), read(p[0], buf, 77), _exit(0);
        waitpid(child, NULL, 0);
    }));
    struct count before = get_(SELF, NULL);
    pthread_t one;
    pthread_create(&one, NULL, thread, &p[1]), pthread_join(one, NULL);
    struct count after = get_(SELF, NULL);
    printf("ended thread %lld %lld\n", after.wchar - before.wchar, after.syscw - before.syscw);
    fflush(stdout);
    if (!fork()) {
        char path[64];
        setgid(1000), setuid(1000);
        sprintf(path, "/proc/%d/io", getppid());
        printf("of another user: %s\n", open(path, O_RDONLY) < 0 ? strerrorname_np(errno) : "ok");
        prctl(PR_SET_DUMPABLE, 1);
        printf("one's own: %s\n", open(SELF, O_RDONLY) < 0 ? strerrorname_np(errno) : "ok");
        prctl(PR_SET_DUMPABLE, 0);
        printf("one's own, not dumpable: %s\n", open(SELF, O_RDONLY) < 0 ? strerrorname_np(errno) : "ok");
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
    return 0;
}

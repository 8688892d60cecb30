#include "t.h"
#include <sys/pidfd.h>

static long advise(int fd, void *v, size_t n, int advice, unsigned flags) {
    return syscall(SYS_process_madvise, fd, v, n, advice, flags);
}
static long mrelease(int fd, unsigned flags) { return syscall(SYS_process_mrelease, fd, flags); }
struct range { uint64_t off, len; };
static struct { uint64_t cached, dirty, writeback, evicted, recently; } st;
static long cachestat(int fd, void *r, void *s, unsigned flags) { return syscall(451, fd, r, s, flags); }
static void cached(int fd, uint64_t off, uint64_t len) {
    struct range r = {off, len};
    memset(&st, 255, sizeof st);
    SHOW(cachestat(fd, &r, &st, 0));
    VAL(st.cached);
}

int main(void) {
    char *p = MUST(mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    int self = MUST(syscall(SYS_pidfd_open, getpid(), 0));
    MUST(munmap(p + 3 * 4096, 4096));
    struct iovec v[3] = {{p, 4096}, {p + 4096, 8192}, {p, 4 * 4096}}, odd = {p + 1, 4096};
    SHOW(advise(self, v, 2, MADV_COLD, 0));
    SHOW(advise(self, v, 2, MADV_PAGEOUT, 0));
    SHOW(advise(self, v, 2, MADV_WILLNEED, 0));
    SHOW(advise(self, v, 3, MADV_COLD, 0));
    SHOW(advise(self, v + 2, 1, MADV_COLD, 0));
    SHOW(advise(self, v, 2, 99, 0));
    SHOW(advise(self, v, 2, MADV_COLD, 1));
    SHOW(advise(self, &odd, 1, MADV_COLD, 0));
    SHOW(advise(self, v, 0, MADV_COLD, 0));
    SHOW(advise(self, v, 1025, MADV_COLD, 0));
    SHOW(advise(self, BAD, 1, MADV_COLD, 0));
    SHOW(advise(0, v, 1, MADV_COLD, 0));
    SHOW(advise(99, v, 1, MADV_COLD, 0));
    MUST(mlock(p, 4096));
    SHOW(advise(self, v, 1, MADV_COLD, 0));
    SHOW(advise(self, v, 1, MADV_WILLNEED, 0));
    int ready[2];
    MUST(pipe(ready));
    pid_t child = fork();
    if (!child) pause(), _exit(0);
    int other = MUST(syscall(SYS_pidfd_open, child, 0));
    SHOW(mrelease(other, 0));
    SHOW(mrelease(other, 1));
    SHOW(mrelease(99, 0));
    SHOW(mrelease(0, 0));
    MUST(kill(child, SIGKILL));
    siginfo_t info;
    MUST(waitid(P_PID, child, &info, WEXITED | WNOWAIT));
    SHOW(mrelease(other, 0));
    SHOW(advise(other, v, 2, MADV_COLD, 0));
    reap(child);
    SHOW(mrelease(other, 0));

    int fd = MUST(open("f", O_RDWR | O_CREAT, 0644));
    cached(fd, 0, 0);
    for (int i = 0; i < 5; i++) MUST(write(fd, p, 4096));
    MUST(write(fd, p, 100));
    cached(fd, 0, 0);
    cached(fd, 0, 4096);
    cached(fd, 4095, 2);
    cached(fd, 5 * 4096, 1);
    cached(fd, 6 * 4096, 0);
    cached(fd, 8192, 1 << 30);
    struct range r = {0, 0};
    SHOW(cachestat(fd, &r, &st, 1));
    SHOW(cachestat(fd, BAD, &st, 1));
    SHOW(cachestat(fd, &r, BAD, 0));
    SHOW(cachestat(99, BAD, &st, 1));
    SHOW(cachestat(MUST(open("f", O_PATH)), &r, &st, 0));
    cached(ready[0], 0, 0);
    return 0;
}

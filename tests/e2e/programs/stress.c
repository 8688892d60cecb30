/*
 * stress THREADS SECONDS SEED: threads that call, signal each other, fork, execute, map and unmap at random, and hand
 * tokens to servants and back by every kind of wake-up. Whatever is not as it must be, a token that does not come
 * back within a minute too, is a line and status 1; else "ok".
 */
#define _GNU_SOURCE
#include <emmintrin.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 256, SERVANTS = 5, PATIENCE_MS = 60000 };
static atomic_int wrong, over;
static atomic_long sent, caught, done_ops;
static int count;
static atomic_int tids[MOST];
static pthread_barrier_t everybody;

#define CHECK(what)                                                                                    \
    do {                                                                                               \
        if (!(what)) {                                                                                 \
            wrong++;                                                                                   \
            printf("line %d: %s: %s\n", __LINE__, #what, strerror(errno));                             \
        }                                                                                              \
    } while (0)

static unsigned next(unsigned *seed) {
    *seed = *seed * 1103515245 + 12345;
    return *seed >> 8;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

/* --- signals: the handler spoils what it may, and nobody must notice --- */

static void handler(int signo) {
    int before = errno;
    __m128i all = _mm_set1_epi8(-1);
    __asm__ volatile("" : : "x"(all));
    caught++;
    errno = before;
    (void)signo;
}

static void signal_somebody(unsigned r) {
    int tid = tids[r % count];
    uint64_t in[2] = {r, ~(uint64_t)r}, out[2];
    long result = SYS_tgkill, pid = getpid();
    __asm__ volatile("movdqu %2, %%xmm15\n syscall\n movdqu %%xmm15, %1"
                     : "+a"(result), "=m"(out) : "m"(in), "D"(pid), "S"((long)tid), "d"((long)SIGUSR1)
                     : "rcx", "r11", "xmm15", "memory");
    CHECK(result == 0);
    CHECK(!memcmp(in, out, sizeof in));
    if (result == 0) sent++;
}

/* --- servants --- */

struct servant {
    pthread_mutex_t lock;
    int to[2], from[2];
    atomic_int word;
    void *(*serve)(void *);
    int (*ask)(struct servant *, unsigned);
};

static int wait_for(int fd) {
    struct pollfd p = {fd, POLLIN, 0};
    int r;
    while ((r = poll(&p, 1, PATIENCE_MS)) < 0 && errno == EINTR) {}
    return r == 1;
}
static ssize_t again_read(int fd, void *p, size_t n) {
    ssize_t r;
    while ((r = read(fd, p, n)) < 0 && errno == EINTR) {}
    return r;
}
static ssize_t again_write(int fd, const void *p, size_t n) {
    ssize_t r;
    while ((r = write(fd, p, n)) < 0 && errno == EINTR) {}
    return r;
}

static void *serve_bytes(void *argument) { /* pipes and sockets */
    struct servant *s = argument;
    uint64_t token;
    while (again_read(s->to[0], &token, 8) == 8 && token) {
        token++;
        CHECK(again_write(s->from[1], &token, 8) == 8);
    }
    return 0;
}
static int ask_bytes(struct servant *s, unsigned r) {
    uint64_t token = r + 1ul, back = 0;
    CHECK(again_write(s->to[1], &token, 8) == 8);
    if (!wait_for(s->from[0])) return 0;
    return again_read(s->from[0], &back, 8) == 8 && back == token + 1;
}

static void *serve_epoll(void *argument) { /* eventfds */
    struct servant *s = argument;
    int epoll = epoll_create1(0);
    struct epoll_event e = {EPOLLIN | EPOLLET, {0}}, got;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, s->to[0], &e) == 0);
    for (;;) {
        uint64_t token;
        int n = epoll_wait(epoll, &got, 1, -1);
        if (n < 0 && errno == EINTR) continue;
        CHECK(n == 1);
        if (again_read(s->to[0], &token, 8) != 8) continue;
        if (token == UINT32_MAX) break;
        CHECK(again_write(s->from[1], &token, 8) == 8);
    }
    close(epoll);
    return 0;
}
static int ask_epoll(struct servant *s, unsigned r) {
    uint64_t token = r + 1ul, back = 0;
    CHECK(again_write(s->to[1], &token, 8) == 8);
    if (!wait_for(s->from[0])) return 0;
    return again_read(s->from[0], &back, 8) == 8 && back == token;
}

static void *serve_futex(void *argument) { /* 0: idle, 1: asked, 2: answered, -1: end */
    struct servant *s = argument;
    for (;;) {
        int word = s->word;
        if (word == -1) return 0;
        if (word == 1) {
            s->word = 2;
            syscall(SYS_futex, &s->word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
        } else {
            syscall(SYS_futex, &s->word, FUTEX_WAIT_PRIVATE, word, 0, 0, 0);
        }
    }
}
static int ask_futex(struct servant *s, unsigned r) {
    struct timespec patience = {PATIENCE_MS / 1000, 0};
    (void)r;
    s->word = 1;
    syscall(SYS_futex, &s->word, FUTEX_WAKE_PRIVATE, INT32_MAX, 0, 0, 0);
    while (s->word == 1) {
        long result = syscall(SYS_futex, &s->word, FUTEX_WAIT_PRIVATE, 1, &patience, 0, 0);
        if (result < 0 && errno == ETIMEDOUT) return 0;
    }
    s->word = 0;
    return 1;
}

static struct servant servants[SERVANTS];
static pthread_t serving[SERVANTS];

static void start_servants(void) {
    for (int i = 0; i < SERVANTS; i++) {
        struct servant *s = &servants[i];
        pthread_mutex_init(&s->lock, 0);
        s->serve = serve_bytes, s->ask = ask_bytes;
        if (i == 0) {
            CHECK(pipe(s->to) == 0 && pipe(s->from) == 0);
        } else if (i == 1) {
            CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s->to) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, s->from) == 0);
        } else if (i == 2) {
            CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s->to) == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s->from) == 0);
        } else if (i == 3) {
            s->serve = serve_epoll, s->ask = ask_epoll;
            s->to[0] = s->to[1] = eventfd(0, EFD_NONBLOCK), s->from[0] = s->from[1] = eventfd(0, 0);
        } else {
            s->serve = serve_futex, s->ask = ask_futex;
        }
        CHECK(pthread_create(&serving[i], 0, s->serve, s) == 0);
    }
}
static void stop_servants(void) {
    uint64_t end = 0, last = UINT32_MAX;
    for (int i = 0; i < 3; i++) CHECK(again_write(servants[i].to[1], &end, 8) == 8);
    CHECK(again_write(servants[3].to[1], &last, 8) == 8);
    servants[4].word = -1;
    syscall(SYS_futex, &servants[4].word, FUTEX_WAKE_PRIVATE, INT32_MAX, 0, 0, 0);
    for (int i = 0; i < SERVANTS; i++) CHECK(pthread_join(serving[i], 0) == 0);
}

static void ask(unsigned r) {
    struct servant *s = &servants[r % SERVANTS];
    pthread_mutex_lock(&s->lock);
    int answered = s->ask(s, r >> 4);
    pthread_mutex_unlock(&s->lock);
    if (!answered) {
        printf("lost: a token to servant %d did not come back\n", r % SERVANTS);
        _exit(1);
    }
}

/* --- memory, processes, threads --- */

static void maps(unsigned r) {
    size_t size = 4096 * (1 + r % 20);
    unsigned char *p = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    if (p == MAP_FAILED) return;
    CHECK(p[0] == 0 && p[size - 1] == 0);
    memset(p, r, size);
    if (r & 0x100) {
        CHECK(madvise(p, 4096, MADV_DONTNEED) == 0 && p[0] == 0);
        p[0] = r;
    }
    if (r & 0x200) {
        unsigned char *moved = mremap(p, size, size + 4096, MREMAP_MAYMOVE);
        CHECK(moved != MAP_FAILED);
        if (moved != MAP_FAILED) p = moved, size += 4096;
        CHECK(p[size - 1] == 0);
    }
    CHECK(mprotect(p, 4096, PROT_READ) == 0);
    CHECK(p[0] == (unsigned char)r);
    CHECK(munmap(p, size) == 0);
}

static void forks(unsigned r) {
    int status = -1, pid = fork();
    if (!pid) {
        unsigned *p = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        *p = r;
        for (unsigned i = 0; i < r % 90; i++)
            if (getpid() == getppid()) _exit(99);
        if (r & 0x40000) raise(SIGKILL);
        _exit(*p % 90);
    }
    CHECK(pid > 0);
    if (pid < 0) return;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    if (r & 0x40000) CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    else CHECK(WIFEXITED(status) && WEXITSTATUS(status) == r % 90);
}

static void spawns(void) {
    int status = -1, pid;
    char *argv[] = {"true", 0}, *envp[] = {0};
    CHECK(posix_spawn(&pid, "/bin/true", 0, 0, argv, envp) == 0);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    CHECK(status == 0);
}

static void *nothing(void *p) { return p; }
static void threads(void) {
    pthread_t t;
    void *back = 0;
    CHECK(pthread_create(&t, 0, nothing, &back) == 0);
    CHECK(pthread_join(t, &back) == 0 && back == &back);
}

static void files(unsigned r) {
    char path[64], text[64], back[64] = {0};
    struct stat s;
    snprintf(path, sizeof path, "/tmp/stress.%d.%u", getpid(), (unsigned)syscall(SYS_gettid));
    int size = snprintf(text, sizeof text, "%u", r), fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0);
    CHECK(write(fd, text, size) == size);
    CHECK(pread(fd, back, sizeof back, 0) == size && !strcmp(text, back));
    CHECK(fstat(fd, &s) == 0 && s.st_size == size);
    CHECK(unlink(path) == 0);
    CHECK(close(fd) == 0);
}

static void *work(void *argument) {
    long index = (long)argument;
    unsigned seed = (unsigned)(index * 2654435761u);
    long pid = getpid(), tid = syscall(SYS_gettid);
    while (!over && !wrong) {
        unsigned r = next(&seed);
        switch (next(&seed) % 16) {
        case 0: case 1: maps(r); break;
        case 2: forks(r); break;
        case 3: if (r % 8 == 0) spawns(); break;
        case 4: threads(); break;
        case 5: case 6: signal_somebody(r); break;
        case 7: case 8: files(r); break;
        case 9: sched_yield(); break;
        case 10: for (int i = r % 100; i; i--) CHECK(syscall(SYS_getppid) >= 0); break;
        default: ask(r);
        }
        CHECK(syscall(SYS_gettid) == tid && getpid() == pid);
        done_ops++;
    }
    return 0;
}

static void *begin(void *argument) {
    long index = (long)argument & 0xffff;
    tids[index] = syscall(SYS_gettid);
    pthread_barrier_wait(&everybody); /* from when on everybody has a number */
    void *result = work((void *)((long)argument >> 16));
    pthread_barrier_wait(&everybody); /* until nobody signals anybody any more */
    return result;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    count = atoi(argv[1]);
    double until = now() + atof(argv[2]);
    long seed = atol(argv[3]);
    struct sigaction a = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &a, 0);
    setvbuf(stdout, 0, _IOLBF, 0);
    pthread_barrier_init(&everybody, 0, count);
    start_servants();
    pthread_t t[MOST];
    for (long i = 0; i < count; i++) CHECK(pthread_create(&t[i], 0, begin, (void *)((seed * MOST + i) << 16 | i)) == 0);
    while (now() < until && !wrong) usleep(50000);
    over = 1;
    for (int i = 0; i < count; i++) CHECK(pthread_join(t[i], 0) == 0);
    stop_servants();
    CHECK(caught <= sent);
    fprintf(stderr, "%ld rounds, %ld signals sent, %ld caught\n", done_ops, sent, caught);
    if (!wrong) puts("ok");
    return wrong != 0;
}

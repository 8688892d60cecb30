/*
 * One row of the benchmark a function; each prints microseconds per operation (streams: Gbit/s).
 * micro SECONDS ROW…: every row is run for about SECONDS. Static, so that the loader plays no part.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char buffer[1 << 16];
static int file, pipe_a[2], pipe_b[2], epoll, zero, pair_a[2];
static const char *self;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}
static void check(long result) {
    if (result < 0) {
        perror("micro");
        exit(1);
    }
}

static void op_getppid(void) { syscall(SYS_getppid); }
static void op_getpgrp(void) { syscall(SYS_getpgrp); }
static void op_pread4k(void) { check(pread(file, buffer, 4096, 0)); }
static void op_pwrite4k(void) { check(pwrite(file, buffer, 4096, 0)); }
static void op_pread64k(void) { check(pread(file, buffer, 65536, 0)); }
static void op_fstat(void) { struct stat s; check(fstat(file, &s)); }
static void op_stat(void) { struct stat s; check(stat("/tmp", &s)); }
static void op_open_close(void) { int fd = open("/tmp/micro.data", O_RDONLY); check(fd); close(fd); }
static void op_dev_zero(void) { check(read(zero, buffer, 1)); }
static void op_pipe_self(void) { check(write(pipe_a[1], buffer, 1)); check(read(pipe_a[0], buffer, 1)); }
static void op_epoll(void) { struct epoll_event e; check(epoll_wait(epoll, &e, 1, 0)); }
static void op_mmap(void) {
    void *p = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) check(-1);
    munmap(p, 65536);
}
static void *nothing(void *p) { return p; }
static void op_pthread(void) { pthread_t t; errno = pthread_create(&t, 0, nothing, 0); check(-errno); pthread_join(t, 0); }
static void op_fork(void) { int pid = fork(); check(pid); if (!pid) _exit(0); waitpid(pid, 0, 0); }
static void op_fork_exec(void) {
    int pid = fork();
    check(pid);
    if (!pid) { execl(self, self, "0", (char *)0); _exit(1); }
    waitpid(pid, 0, 0);
}
static void handler(int s) { (void)s; }
static void op_signal(void) { raise(SIGUSR1); }
static void op_tcp_self(void) { check(send(pair_a[0], buffer, 1, 0)); check(recv(pair_a[1], buffer, 1, 0)); }

static unsigned word;
static long futex(int op, unsigned value) { return syscall(SYS_futex, &word, op | FUTEX_PRIVATE_FLAG, value, 0, 0, 0); }
static void op_futex_wake(void) { check(futex(FUTEX_WAKE, 1)); }

static double timed(void (*op)(void), double seconds) {
    long n = 1;
    for (;;) {
        double t0 = now();
        for (long i = 0; i < n; i++) op();
        double t = now() - t0;
        if (t > seconds / 2) return t / n * 1e6;
        n = t < seconds / 20 ? n * 8 : n * 2;
    }
}

static double row_page_fault(double seconds) {
    long pages = 0;
    double t = 0;
    while (t < seconds) {
        char *p = mmap(0, 4096 * 1024, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED) check(-1);
        madvise(p, 4096 * 1024, MADV_NOHUGEPAGE);
        double t0 = now();
        for (int i = 0; i < 1024; i++) p[i * 4096] = 1;
        t += now() - t0;
        pages += 1024;
        munmap(p, 4096 * 1024);
    }
    return t / pages * 1e6;
}

static double pingpong(int in0, int out0, int in1, int out1, double seconds) {
    int pid = fork();
    check(pid);
    if (!pid) {
        while (read(in1, buffer, 1) == 1 && *buffer != 'q' && write(out1, buffer, 1) == 1) {}
        _exit(0);
    }
    long n = 0;
    *buffer = 'x';
    double t0 = now();
    while (now() - t0 < seconds) {
        for (int i = 0; i < 20; i++) { check(write(out0, buffer, 1)); check(read(in0, buffer, 1)); }
        n += 20;
    }
    double t = (now() - t0) / n * 1e6;
    check(write(out0, "q", 1));
    waitpid(pid, 0, 0);
    return t;
}

enum { MAIN, OTHER, NOBODY };
static void take_turn(unsigned mine, unsigned next) {
    unsigned seen;
    while ((seen = __atomic_load_n(&word, __ATOMIC_SEQ_CST)) != mine)
        if (seen == NOBODY) return;
        else futex(FUTEX_WAIT, seen);
    __atomic_store_n(&word, next, __ATOMIC_SEQ_CST);
    futex(FUTEX_WAKE, 1);
}
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static void take_locked_turn(unsigned mine, unsigned next) {
    pthread_mutex_lock(&mutex);
    while (word != mine && word != NOBODY) pthread_cond_wait(&changed, &mutex);
    if (word == mine) word = next;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&mutex);
}
static void *others_turns(void *take) {
    while (__atomic_load_n(&word, __ATOMIC_SEQ_CST) != NOBODY) ((void (*)(unsigned, unsigned))take)(OTHER, MAIN);
    return 0;
}
static double turns(void (*take)(unsigned, unsigned), double seconds) {
    pthread_t t;
    long n = 0;
    word = MAIN;
    errno = pthread_create(&t, 0, others_turns, (void *)take);
    check(-errno);
    double t0 = now();
    for (; now() - t0 < seconds; n += 20)
        for (int i = 0; i < 20; i++) take(MAIN, OTHER);
    double elapsed = now() - t0;
    take(MAIN, NOBODY);
    pthread_join(t, 0);
    return elapsed / n * 1e6;
}

static void tcp_pair(int pair[2]) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof a;
    int one = 1, l = socket(AF_INET, SOCK_STREAM, 0);
    check(l);
    check(bind(l, (void *)&a, sizeof a));
    check(listen(l, 1));
    check(getsockname(l, (void *)&a, &length));
    pair[0] = socket(AF_INET, SOCK_STREAM, 0);
    check(connect(pair[0], (void *)&a, sizeof a));
    pair[1] = accept(l, 0, 0);
    check(pair[1]);
    close(l);
    for (int i = 0; i < 2; i++) check(setsockopt(pair[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
}

static double row_tcp_stream(double seconds) {
    int pair[2];
    tcp_pair(pair);
    int pid = fork();
    check(pid);
    if (!pid) {
        close(pair[0]);
        while (read(pair[1], buffer, sizeof buffer) > 0) {}
        _exit(0);
    }
    close(pair[1]);
    double t0 = now(), bytes = 0;
    while (now() - t0 < seconds) { check(write(pair[0], buffer, sizeof buffer)); bytes += sizeof buffer; }
    shutdown(pair[0], SHUT_WR);
    waitpid(pid, 0, 0);
    close(pair[0]);
    return bytes * 8 / (now() - t0) / 1e9;
}

static double row_compute(double seconds) {
    double t0 = now();
    volatile unsigned long x = 1;
    for (long i = 0; i < 300000000; i++) x = x * 6364136223846793005ul + 1;
    (void)seconds;
    return (now() - t0) * 1e6;
}

static const struct { const char *name; void (*op)(void); } simple[] = {
    {"getppid", op_getppid}, {"getpgrp", op_getpgrp}, {"pread4k", op_pread4k}, {"pwrite4k", op_pwrite4k}, {"pread64k", op_pread64k},
    {"fstat", op_fstat}, {"stat", op_stat}, {"open_close", op_open_close}, {"dev_zero", op_dev_zero},
    {"pipe_self", op_pipe_self}, {"epoll_wait", op_epoll}, {"mmap_munmap", op_mmap}, {"pthread", op_pthread},
    {"fork_wait", op_fork}, {"fork_exec_wait", op_fork_exec}, {"signal", op_signal}, {"tcp_self", op_tcp_self},
    {"futex_wake", op_futex_wake},
};

static double run(const char *row, double seconds) {
    if (!strcmp(row, "page_fault")) return row_page_fault(seconds);
    if (!strcmp(row, "compute")) return row_compute(seconds);
    if (!strcmp(row, "tcp_stream")) return row_tcp_stream(seconds);
    if (!strcmp(row, "pipe_pingpong")) return pingpong(pipe_b[0], pipe_a[1], pipe_a[0], pipe_b[1], seconds);
    if (!strcmp(row, "futex_pingpong")) return turns(take_turn, seconds);
    if (!strcmp(row, "cond_pingpong")) return turns(take_locked_turn, seconds);
    if (!strcmp(row, "tcp_pingpong")) {
        int pair[2];
        tcp_pair(pair);
        double t = pingpong(pair[0], pair[0], pair[1], pair[1], seconds);
        close(pair[0]);
        close(pair[1]);
        return t;
    }
    if (!strcmp(row, "tcp_self")) tcp_pair(pair_a);
    for (unsigned i = 0; i < sizeof simple / sizeof *simple; i++)
        if (!strcmp(row, simple[i].name)) return timed(simple[i].op, seconds);
    fprintf(stderr, "micro: no row %s\n", row);
    exit(2);
}

int main(int argc, char **argv) {
    double seconds = atof(argv[1]);
    if (seconds <= 0) return 0;
    self = argv[0];
    setvbuf(stdout, 0, _IOLBF, 0);
    file = open("/tmp/micro.data", O_RDWR | O_CREAT, 0600);
    check(file);
    check(pwrite(file, buffer, sizeof buffer, 0));
    zero = open("/dev/zero", O_RDONLY);
    check(pipe(pipe_a));
    check(pipe(pipe_b));
    epoll = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN};
    check(epoll_ctl(epoll, EPOLL_CTL_ADD, pipe_b[0], &e));
    signal(SIGUSR1, handler);
    for (int i = 2; i < argc; i++) printf("%s %.4f\n", argv[i], run(argv[i], seconds));
    unlink("/tmp/micro.data");
    return 0;
}

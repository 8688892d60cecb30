/* Counts with threads, a child, pipes, shared memory, files with and without a name, a timer, an epoll set, a ring of events and a connection over
   the loopback; prints what it has found a few dozen times, so that it can be moved in the middle. */
#define _GNU_SOURCE
#include <linux/aio_abi.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <errno.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 4, TURNS = 40, ROUNDS = 30, SIZE = 200000 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long turn, sums[THREADS];
static char big[SIZE];

static void rest(int ms) {
    struct timespec left = {ms / 1000, ms % 1000 * 1000000L};
    while (nanosleep(&left, &left) && errno == EINTR) {
    }
}

static __thread sigjmp_buf out;
static void no_counter(int signo) {
    (void)signo;
    siglongjmp(out, 1);
}

static void *take_turns(void *argument) {
    long id = (long)argument;
    int mode = PR_TSC_SIGSEGV;
    if (id == 1) prctl(PR_SET_TSC, mode);
    for (int i = 0; i < TURNS; i++) {
        pthread_mutex_lock(&lock);
        while (turn % THREADS != id) pthread_cond_wait(&changed, &lock);
        sums[id] += i * id;
        turn++;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&lock);
        if (id == 0) rest(30);
    }
    /* the one that forbade it to itself is the only one that gets a signal */
    if (id == 1) {
        struct sigaction action = {.sa_handler = no_counter};
        sigaction(SIGSEGV, &action, NULL);
    }
    if (sigsetjmp(out, 1) == 0) __builtin_ia32_rdtsc();
    else sums[id] = -sums[id];
    return NULL;
}

static int add_up(int from, int to, long *shared) {
    char bytes[64];
    long total = 0;
    ssize_t got;
    while ((got = read(from, bytes, sizeof bytes)) > 0) {
        for (int i = 0; i < got; i++) total += bytes[i];
        shared[total % 1000] = total;
        if (write(to, &total, sizeof total) != sizeof total) return 99;
    }
    return total % 100;
}

/* A server's socket, and both ends of a connection to it. */
static int connect_tcp(int *server, int *one, int *other) {
    struct sockaddr_in address = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {0}};
    socklen_t size = sizeof address;
    *server = socket(AF_INET, SOCK_STREAM, 0);
    *one = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(*server, (void *)&address, size) || listen(*server, 5)) return 1;
    if (getsockname(*server, (void *)&address, &size) || connect(*one, (void *)&address, size)) return 1;
    *other = accept(*server, NULL, NULL);
    return *other < 0;
}

// The byte at `at` of a file, taken out of the ring without a call.
static int by_ring(aio_context_t context, int fd, long at, char *to) {
    volatile struct { unsigned id, nr, head, tail, rest[4]; struct io_event events[]; } *ring = (void *)context;
    struct iocb block = {.aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = fd, .aio_buf = (uintptr_t)to, .aio_nbytes = 1, .aio_offset = at};
    struct iocb *blocks[1] = {&block};
    if (syscall(SYS_io_submit, context, 1, blocks) != 1 || ring->tail == ring->head || ring->events[ring->head].res != 1) return 1;
    ring->head = (ring->head + 1) % ring->nr;
    return 0;
}

int main(void) {
    aio_context_t context = 0;
    if (syscall(SYS_io_setup, 4, &context)) return 12;
    int server, one, other, again, late;
    if (connect_tcp(&server, &one, &other)) return 8;
    int there[2], back[2], pair[2], status;
    long *shared = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pipe(there) || pipe(back) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) return 1;
    pid_t child = fork();
    if (!child) {
        close(there[1]);
        _exit(add_up(there[0], back[1], shared));
    }
    pthread_t threads[THREADS];
    for (long i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, take_turns, (void *)i);
    memset(big, 'x', sizeof big);
    int file = open("/tmp/goes_on", O_RDWR | O_CREAT | O_TRUNC, 0644), gone = open("/tmp/gone", O_RDWR | O_CREAT, 0600);
    if (write(file, big, sizeof big) != SIZE || write(gone, "deleted", 7) != 7 || unlink("/tmp/gone")) return 2;
    char *map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    int timer = timerfd_create(CLOCK_MONOTONIC, 0), set = epoll_create1(0);
    struct itimerspec every = {{0, 50000000}, {0, 50000000}};
    timerfd_settime(timer, 0, &every, NULL);
    struct epoll_event wanted = {EPOLLIN, {.fd = timer}}, got;
    epoll_ctl(set, EPOLL_CTL_ADD, timer, &wanted);
    double product = 1.5;
    for (int i = 0; i < ROUNDS; i++) {
        char byte = (char)i, seen = 0, through = 0;
        long total = 0;
        unsigned long long expired;
        if (write(there[1], &byte, 1) != 1 || read(back[0], &total, sizeof total) != sizeof total) return 3;
        map[i] = (char)('a' + i % 26);
        if (pread(file, &seen, 1, i) != 1 || by_ring(context, file, i, &seen)) return 4;
        if (write(pair[0], &seen, 1) != 1 || read(pair[1], &through, 1) != 1) return 5;
        if (write(one, &through, 1) != 1 || read(other, &through, 1) != 1) return 9;
        product = product * 1.1 + i;
        if (epoll_wait(set, &got, 1, -1) != 1 || read(timer, &expired, sizeof expired) != sizeof expired) return 6;
        printf("%d %ld %c %.6f\n", i, total, through, product);
        fflush(stdout);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    close(there[1]);
    waitpid(child, &status, 0);
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    char text[8] = "";
    again = socket(AF_INET, SOCK_STREAM, 0);
    if (getsockname(server, (void *)&address, &size) || connect(again, (void *)&address, size)) return 10;
    late = accept(server, NULL, NULL);
    if (write(late, "late", 4) != 4 || read(again, text, 4) != 4 || strcmp(text, "late")) return 11;
    if (pread(gone, text, 7, 0) != 7) return 7;
    printf("%ld %ld %ld %ld, child %d, shared %ld, %s\n", sums[0], sums[1], sums[2], sums[3], WEXITSTATUS(status), shared[435], text);
    unlink("/tmp/goes_on");
    return 3;
}

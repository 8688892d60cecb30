/* Many threads bring files to disk at the same time, with signals meanwhile; AIO's and io_uring's; killed while they do. */
#include "uring.h"
#include <linux/aio_abi.h>

enum { THREADS = 100, EACH = 5 };
static int failed, ticks;
static void tick(int n) { ticks++; }

static void *syncer(void *arg) {
    char name[32];
    sprintf(name, "f%ld", (long)arg % 8);
    int fd = open(name, O_RDWR | O_CREAT, 0644);
    if (fd < 0) __sync_fetch_and_add(&failed, 1);
    for (int i = 0; i < EACH; i++) {
        if (pwrite(fd, &i, sizeof i, 4096 * i) != sizeof i) __sync_fetch_and_add(&failed, 1);
        if (i % 2 ? fsync(fd) : fdatasync(fd)) __sync_fetch_and_add(&failed, 1);
        if (i == 3 && sync_file_range(fd, 0, 0, 7)) __sync_fetch_and_add(&failed, 1);
    }
    close(fd);
    return NULL;
}

static void threads(void) {
    pthread_t t[THREADS];
    for (long i = 0; i < THREADS; i++) MUST(pthread_create(&t[i], NULL, syncer, (void *)i));
    for (int i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
    VAL(failed);
}

static void aio(void) {
    aio_context_t ctx = 0;
    MUST(syscall(SYS_io_setup, 64, &ctx));
    int fd = MUST(open("aio", O_RDWR | O_CREAT, 0644)), told = MUST(eventfd(0, 0));
    struct iocb block[32], *of[32];
    for (int i = 0; i < 32; i++) {
        block[i] = (struct iocb){.aio_data = i, .aio_lio_opcode = i % 2 ? IOCB_CMD_FSYNC : IOCB_CMD_FDSYNC, .aio_fildes = fd,
                                 .aio_flags = IOCB_FLAG_RESFD, .aio_resfd = told};
        of[i] = &block[i];
        MUST(pwrite(fd, &i, sizeof i, 4096 * i));
    }
    SHOW(syscall(SYS_io_submit, ctx, 32L, of));
    struct io_event events[64];
    long got = 0, sum = 0, bad = 0;
    while (got < 32) {
        long n = syscall(SYS_io_getevents, ctx, 1L, 64L, events, NULL);
        if (n < 0) {
            if (errno == EINTR) continue;
            break;
        }
        for (long i = 0; i < n; i++) sum += events[i].data, bad += events[i].res != 0;
        got += n;
    }
    VAL(got); VAL(sum); VAL(bad);
    uint64_t count = 0;
    while (read(told, &count, 8) < 0 && errno == EINTR);
    VAL(count);
    int pipes[2];
    MUST(pipe(pipes));
    block[0].aio_fildes = pipes[0];
    SHOW(syscall(SYS_io_submit, ctx, 1L, of));
    SHOW(syscall(SYS_io_destroy, ctx));
    close(fd);
}

static void uring(void) {
    struct ring r = open_ring(64, 0);
    int fd = MUST(open("uring", O_RDWR | O_CREAT, 0644));
    for (int i = 0; i < 16; i++) {
        add(&r, WRITE, fd, "text", 4, 4 * i, 1 + i)->flags = LINK;
        add(&r, FSYNC, fd, NULL, 0, 0, 100 + i)->op_flags = i % 2;
    }
    long rest = 32, good = 0, order = 1;
    int written[16] = {0};
    while (uring_enter(r.fd, 32, 0, 0, NULL, 0) < 0 && errno == EINTR);
    for (; rest; rest--, seen(&r)) {
        struct cqe *one;
        while (!(one = peek(&r))) uring_enter(r.fd, 0, 1, GETEVENTS, NULL, 8);
        if (one->user_data < 100) good += one->res == 4, written[one->user_data - 1] = 1;
        else good += one->res == 0, order &= written[one->user_data - 100];
    }
    VAL(good); VAL(order);
    close(fd);
}

static void killed(void) {
    for (int i = 0; i < 20; i++) {
        pid_t pid = MUST(fork());
        if (!pid) {
            int fd = open("killed", O_RDWR | O_CREAT, 0644);
            for (;;) pwrite(fd, &i, sizeof i, 0), fsync(fd);
        }
        usleep(1000 * (i % 5));
        kill(pid, SIGKILL);
        int status = 0;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR);
        if (!WIFSIGNALED(status)) printf("status %x\n", status);
    }
    struct stat st;
    SHOW(stat("f0", &st));
    VAL(st.st_size);
}

int main(void) {
    alarm(60);
    struct sigaction act = {.sa_handler = tick}; /* no SA_RESTART: fsync(2) is not interrupted by it */
    sigaction(SIGVTALRM, &act, NULL);
    sigaction(SIGUSR1, &act, NULL);
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec often = {{0, 2 * MS}, {0, 2 * MS}}, never = {0};
    MUST(timer_create(CLOCK_MONOTONIC, &event, &timer));
    MUST(timer_settime(timer, 0, &often, NULL));
    threads();
    aio();
    uring();
    MUST(timer_settime(timer, 0, &never, NULL));
    VAL(ticks > 0);
    killed();
    int dir = MUST(open(".", O_RDONLY | O_DIRECTORY));
    SHOW(fsync(dir));
    SHOW(fdatasync(dir));
    SHOW(syncfs(dir));
    return 0;
}

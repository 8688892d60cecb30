#include "uring.h"
/* What ends with a ring, a thread, a program; what does not. */

static struct ring r;
static char b[64];
static int p[2];

static void *submits(void *arg) {
    add(&r, READ, p[0], b, 8, 0, 1);
    submit(&r, 0);
    return NULL;
}
static void *waits(void *arg) {
    long n = uring_enter(r.fd, 0, 1, GETEVENTS, NULL, 8);
    return (void *)n;
}
static int hangs_up(int fd) { /* nobody reads from it any more */
    struct pollfd f = {fd, POLLOUT};
    for (int i = 0; i < 1000; i++) {
        if (poll(&f, 1, 0) == 1 && f.revents & POLLERR) return 1;
        nap(2);
    }
    return 0;
}

int main(int argc, char **argv) {
    pthread_t th;
    if (argc > 1) {
        int fd = atoi(argv[1]);
        printf("after exec: %d\n", hangs_up(fd));
        return 0;
    }
    /* the pipe's reading end lives in a request only */
    MUST(pipe(p));
    r = open_ring(8, 0);
    add(&r, READ, p[0], b, 8, 0, 2);
    submit(&r, 0);
    close(p[0]);
    struct pollfd f = {p[1], POLLOUT};
    VAL(poll(&f, 1, 0)), VAL(f.revents);
    close(r.fd); /* the mappings keep the ring */
    VAL(poll(&f, 1, 0)), VAL(f.revents);
    munmap(r.sqes, 64 * 8);
    munmap(r.rings, r.size);
    printf("after unmapping: %d\n", hangs_up(p[1]));
    close(p[1]);

    /* a child's entries are its own; the parent's go on */
    MUST(pipe(p));
    r = open_ring(8, 0);
    pid_t child = MUST(fork());
    if (!child) {
        submits(NULL);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    SHOW(uring_enter(r.fd, 0, 0, GETEVENTS, NULL, 8));
    completions(&r, 0);
    write(p[1], "y", 1);
    SHOW(uring_enter(r.fd, 0, 1, GETEVENTS, NULL, 8));
    completions(&r, 1);
    r.tail = SQ_TAIL(&r);
    SHOW(read(p[0], b, 8));

    add(&r, READ, p[0], b, 8, 0, 3);
    submit(&r, 0);
    MUST(pthread_create(&th, NULL, waits, NULL));
    write(p[1], "x", 1);
    void *n;
    pthread_join(th, &n);
    VAL((long)n);
    completions(&r, 0);

    /* execve ends what is under way */
    int q[2];
    MUST(pipe(q));
    add(&r, READ, q[0], b, 8, 0, 4);
    submit(&r, 0);
    fcntl(r.fd, F_SETFD, 0);
    fcntl(q[0], F_SETFD, FD_CLOEXEC);
    char number[16];
    sprintf(number, "%d", q[1]);
    fflush(stdout);
    execl("/proc/self/exe", "life", number, NULL);
    return 1;
}

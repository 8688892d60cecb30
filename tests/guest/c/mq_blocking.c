// cflags: -lrt
#include "asleep.h"

static mqd_t q;
static char b[64];
static void nothing(int s) {}
static void ready(int ep) {
    struct pollfd p = {q, POLLIN | POLLOUT, 0};
    struct epoll_event e = {0};
    int n = poll(&p, 1, 0), m = epoll_wait(ep, &e, 1, 0);
    printf("poll %d %x epoll %d %x\n", n, p.revents, m, m > 0 ? e.events : 0);
}
static struct timespec in_ms(long ms) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += ms * MS;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}
static atomic_int waiting;
static void *waits(void *unused) {
    waiting = syscall(SYS_gettid);
    SHOW(mq_receive(q, b, 64, NULL));
    return NULL;
}
int main(void) {
    sigset_t usr2;
    sigemptyset(&usr2);
    sigaddset(&usr2, SIGUSR2);
    sigprocmask(SIG_BLOCK, &usr2, NULL);
    char name[64];
    sprintf(name, "/block.%d", getpid());
    struct mq_attr a = {0, 2, 32};
    q = MUST(mq_open(name, O_RDWR | O_CREAT, 0600, &a));
    MUST(mq_unlink(name));
    int ep = MUST(epoll_create1(0));
    struct epoll_event e = {EPOLLIN | EPOLLOUT};
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, q, &e));
    ready(ep);
    MUST(mq_send(q, "1", 1, 1));
    ready(ep);
    MUST(mq_send(q, "2", 1, 2));
    ready(ep);
    struct timespec t = in_ms(20);
    SHOW(mq_timedsend(q, "3", 1, 3, &t));

    /* A sender that waits is served when there is room, by priority then. */
    pid_t c = fork();
    if (c == 0) {
        _exit(mq_send(q, "9", 1, 9) != 0);
    }
    asleep(c);
    SHOW(mq_receive(q, b, 64, NULL));
    printf("%c\n", *b);
    reap(c);
    ready(ep);
    SHOW(mq_receive(q, b, 64, NULL));
    printf("%c\n", *b);
    SHOW(mq_receive(q, b, 64, NULL));
    printf("%c\n", *b);
    t = in_ms(20);
    SHOW(mq_timedreceive(q, b, 64, NULL, &t));

    /* Receivers in order of arrival. */
    pid_t kids[2];
    for (int i = 0; i < 2; i++) {
        kids[i] = fork();
        if (kids[i] == 0) {
            int n = mq_receive(q, b, 64, NULL);
            _exit(n == 1 ? *b : 1);
        }
        asleep(kids[i]);
    }
    MUST(mq_send(q, "f", 1, 0));
    MUST(mq_send(q, "g", 1, 5));
    reap(kids[0]);
    reap(kids[1]);
    ready(ep);

    /* Signals. */
    int up[2];
    MUST(pipe(up));
    for (int restart = 0; restart < 2; restart++) {
        c = fork();
        if (c == 0) {
            handle(SIGUSR1, nothing, restart ? SA_RESTART : 0);
            MUST(write(up[1], "", 1));
            SHOW(mq_receive(q, b, 64, NULL));
            _exit(0);
        }
        MUST(read(up[0], b, 1));
        asleep(c);
        kill(c, SIGUSR1);
        if (restart) MUST(mq_send(q, "late", 4, 0));
        reap(c);
    }
    /* A thread that closes the descriptor does not end the wait. */
    c = fork();
    if (c == 0) {
        pthread_t thread;
        MUST(pthread_create(&thread, NULL, waits, NULL));
        while (!waiting) nap(1);
        asleep(waiting);
        close(q);
        kill(getppid(), SIGUSR2);
        pthread_join(thread, NULL);
        _exit(0);
    }
    sigwait(&usr2, &(int){0});
    MUST(mq_send(q, "for the thread", 14, 0));
    reap(c);
    c = fork();
    if (c == 0) {
        SHOW(mq_receive(q, b, 64, NULL));
        _exit(0);
    }
    asleep(c);
    mqd_t other = dup(q);
    close(q); /* of this process: the child has its own */
    MUST(mq_send(other, "there", 5, 0));
    reap(c);
    q = other;
    ready(ep);
    return 0;
}

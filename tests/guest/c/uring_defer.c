#include "uring.h"
/* A ring of one task that gets completions when it asks for them. */

static struct ring r;
static char b[64];

static void *other(void *arg) {
    SHOW(uring_enter(r.fd, 1, 0, 0, NULL, 8));
    SHOW(uring_enter(r.fd, 0, 1, GETEVENTS, NULL, 8));
    SHOW(uring_enter(r.fd, 0, 0, 0, NULL, 8));
    SHOW(uring_register(r.fd, 9, NULL, 0));
    return NULL;
}
static void *submits(void *arg) {
    SHOW(uring_enter(r.fd, 1, 0, 0, NULL, 8));
    SHOW(uring_enter(r.fd, 0, 0, GETEVENTS, NULL, 8));
    return NULL;
}
static void *writes(void *arg) {
    nap(5);
    write(*(int *)arg, "late", 4);
    return NULL;
}

int main(void) {
    int p[2];
    pthread_t th;
    MUST(pipe(p));
    r = open_ring(8, S_SINGLE | S_DEFER | S_TASKRUN);
    add(&r, NOP, -1, NULL, 0, 0, 1);
    go(&r, 0);
    add(&r, READ, p[0], b, 8, 0, 2);
    go(&r, 0);
    VAL(SQ_FLAGS(&r));
    write(p[1], "x", 1);
    VAL(peek(&r) == NULL), VAL(SQ_FLAGS(&r));
    struct pollfd f = {r.fd, POLLIN};
    SHOW(poll(&f, 1, 0));
    SHOW(uring_enter(r.fd, 0, 0, 0, NULL, 8));
    VAL(peek(&r) == NULL);
    SHOW(uring_enter(r.fd, 0, 0, GETEVENTS, NULL, 8));
    completions(&r, 0);
    VAL(SQ_FLAGS(&r));
    SHOW(poll(&f, 1, 0));
    /* links go on when they are asked for */
    add(&r, NOP, -1, NULL, 0, 0, 3)->flags = LINK;
    add(&r, NOP, -1, NULL, 0, 0, 4);
    go(&r, 0);
    SHOW(uring_enter(r.fd, 0, 1, GETEVENTS, NULL, 8));
    completions(&r, 1);
    /* a wait sees it through */
    add(&r, READ, p[0], b, 8, 0, 5);
    pthread_create(&th, NULL, writes, &p[1]);
    go(&r, 1);
    pthread_join(th, NULL);
    struct __kernel_timespec soon = {0, 3 * MS};
    add(&r, TIMEOUT, -1, &soon, 1, 0, 6);
    go(&r, 1);
    /* nobody else */
    add(&r, NOP, -1, NULL, 0, 0, 7);
    pthread_create(&th, NULL, other, NULL);
    pthread_join(th, NULL);
    go(&r, 1);
    close(r.fd);

    /* one issuer, but no deferring */
    r = open_ring(8, S_SINGLE);
    add(&r, READ, p[0], b, 8, 0, 9);
    go(&r, 0);
    write(p[1], "x", 1);
    sched_yield();
    SHOW(uring_enter(r.fd, 0, 0, 0, NULL, 8));
    completions(&r, 0);
    add(&r, NOP, -1, NULL, 0, 0, 10);
    pthread_create(&th, NULL, submits, NULL);
    pthread_join(th, NULL);
    return 0;
}

#include "asleep.h"

#ifndef FUTEX_WAIT_REQUEUE_PI_PRIVATE
#define FUTEX_WAIT_REQUEUE_PI_PRIVATE (11 | FUTEX_PRIVATE_FLAG)
#define FUTEX_CMP_REQUEUE_PI_PRIVATE (12 | FUTEX_PRIVATE_FLAG)
#endif
static int cond, lock, other_lock, plain;
static atomic_int order, waiting;
static atomic_int tids[4];
static long futex(int *word, int op, int value, void *fourth, int *second, int third) {
    return syscall(SYS_futex, word, op, value, fourth, second, third);
}
static struct timespec in_ms(int clock, long ms) {
    struct timespec t;
    clock_gettime(clock, &t);
    t.tv_nsec += ms * MS;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}
static void *waiter(void *number) {
    long r;
    tids[waiting++] = syscall(SYS_gettid);
    do r = futex(&cond, FUTEX_WAIT_REQUEUE_PI_PRIVATE, cond, NULL, &lock, 0);
    while (r == -1 && errno == EAGAIN);
    nap(30); /* the caller prints first; the others cannot have the lock yet */
    int mine = (lock & FUTEX_TID_MASK) == syscall(SYS_gettid);
    printf("woken %d: %ld, the lock is %s\n", ++order, r, mine ? "mine" : "another's");
    if (futex(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0)) printf("unlock: %s\n", ename(errno));
    return NULL;
}
static void *times_out(void *unused) {
    struct timespec t = in_ms(CLOCK_MONOTONIC, 100);
    tids[waiting++] = syscall(SYS_gettid);
    SHOW(futex(&cond, FUTEX_WAIT_REQUEUE_PI_PRIVATE, cond, &t, &lock, 0));
    return NULL;
}
static void *waits_plainly(void *unused) {
    tids[waiting++] = syscall(SYS_gettid);
    return (void *)futex(&plain, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}
static void start(pthread_t *threads, int count, void *(*body)(void *)) {
    waiting = 0;
    memset(tids, 0, sizeof tids);
    for (int i = 0; i < count; i++) {
        MUST(pthread_create(&threads[i], NULL, body, NULL));
        while (!tids[i]) sched_yield();
        asleep(tids[i]);
    }
}
int main(void) {
    pthread_t threads[4];
    SHOW(futex(&cond, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 1, NULL, &lock, 0));
    SHOW(futex(&cond, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, NULL, &cond, 0));
    SHOW(futex(&cond, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, NULL, (int *)((char *)&lock + 1), 0));
    struct timespec t = in_ms(CLOCK_MONOTONIC, 10);
    SHOW(futex(&cond, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, &t, &lock, 0));
    t = in_ms(CLOCK_REALTIME, 10);
    SHOW(futex(&cond, FUTEX_WAIT_REQUEUE_PI_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &t, &lock, 0));
    SHOW(futex(&cond, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)1, &lock, 0));
    SHOW(futex(&cond, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)1, &lock, 5));
    SHOW(futex(&cond, FUTEX_CMP_REQUEUE_PI_PRIVATE, 0, (void *)1, &lock, 0));
    SHOW(futex(&cond, FUTEX_CMP_REQUEUE_PI_PRIVATE, 2, (void *)1, &lock, 0));
    SHOW(futex(&cond, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)-1, &lock, 0));
    SHOW(futex(&cond, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)1, &cond, 0));
    VAL(lock);

    /* The lock is free: the first gets it, the others wait for it. */
    start(threads, 3, waiter);
    SHOW(futex(&cond, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
    SHOW(futex(&cond, FUTEX_CMP_REQUEUE_PRIVATE, 0, (void *)1, &other_lock, 0));
    SHOW(futex(&cond, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)1, &other_lock, 0));
    VAL(other_lock);
    SHOW(futex(&cond, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)100, &lock, 0));
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    VAL(lock);

    /* The caller holds it, as in pthread_cond_broadcast. */
    order = 0;
    MUST(futex(&lock, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
    start(threads, 3, waiter);
    SHOW(futex(&cond, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)0, &lock, 0));
    VAL((lock & FUTEX_WAITERS) != 0);
    SHOW(futex(&cond, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)100, &lock, 0));
    VAL(order);
    MUST(futex(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    VAL(lock);

    /* Time runs out while it waits for the lock. */
    MUST(futex(&lock, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
    start(threads, 1, times_out);
    SHOW(futex(&cond, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)1, &lock, 0));
    pthread_join(threads[0], NULL);
    MUST(futex(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
    VAL(lock);

    /* Plain waiters are not moved to a lock; an owner that is not there. */
    start(threads, 1, waits_plainly);
    SHOW(futex(&plain, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)1, &lock, 0));
    SHOW(futex(&plain, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
    pthread_join(threads[0], NULL);
    order = 0;
    start(threads, 1, waiter);
    lock = 0x1ffffff;
    SHOW(futex(&cond, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)1, &lock, 0));
    lock = 0;
    SHOW(futex(&cond, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)0, &lock, 0));
    pthread_join(threads[0], NULL);
    VAL(lock);
    return 0;
}

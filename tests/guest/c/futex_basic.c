#include "t.h"

static long fx(int *a, int op, int v, void *t, int *b, int v3) { return syscall(SYS_futex, a, op, v, t, b, v3); }
static int word, other;
static void *waiter(void *arg) {
    long r = fx(&word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    return (void *)r;
}
int main(void) {
    struct timespec t = {0, 20 * MS}, bad = {0, -1};
    SHOW(fx(&word, FUTEX_WAIT, 1, NULL, NULL, 0));
    SHOW(fx(&word, FUTEX_WAIT, 0, &t, NULL, 0));
    SHOW(fx(&word, FUTEX_WAIT, 0, &bad, NULL, 0));
    SHOW(fx(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
    SHOW(fx((int *)8, FUTEX_WAIT, 0, &t, NULL, 0));
    SHOW(fx((int *)((char *)&word + 1), FUTEX_WAIT, 0, &t, NULL, 0));
    SHOW(fx(&word, 99, 0, NULL, NULL, 0));
    SHOW(fx(&word, FUTEX_WAIT_BITSET, 0, &t, NULL, 0));
    SHOW(fx(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0));
    pthread_t p[5];
    for (int i = 0; i < 5; i++) pthread_create(&p[i], NULL, waiter, NULL);
    while (fx(&word, FUTEX_CMP_REQUEUE_PRIVATE, 0, (void *)10, &word, 0) < 5) sched_yield(); /* onto itself: how many wait */
    SHOW(fx(&word, FUTEX_WAKE_PRIVATE, 2, NULL, NULL, 0));
    SHOW(fx(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)10, &other, 5));
    SHOW(fx(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)10, &other, 0));
    SHOW(fx(&word, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0));
    SHOW(fx(&other, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0));
    for (int i = 0; i < 5; i++) {
        void *r;
        pthread_join(p[i], &r);
        VAL((long)r);
    }
    other = 5;
    SHOW(fx(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &other, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 5)));
    VAL(other);
    SHOW(fx(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &other, FUTEX_OP(FUTEX_OP_XOR, 9, FUTEX_OP_CMP_GT, 100)));
    VAL(other);
    return 0;
}

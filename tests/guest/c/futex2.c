#include "t.h"

struct waitv { uint64_t val, uaddr; uint32_t flags, reserved; };
enum { U32 = 2, PRIVATE = 128 };
static long waitv(void *w, unsigned n, unsigned flags, void *t, int clock) { return syscall(449, w, n, flags, t, clock); }
static long fwake(void *a, unsigned long mask, int n, unsigned flags) { return syscall(454, a, mask, n, flags); }
static long fwait(void *a, unsigned long v, unsigned long mask, unsigned flags, void *t, int clock) {
    return syscall(455, a, v, mask, flags, t, clock);
}
static long requeue(void *w, unsigned flags, int wake, int move) { return syscall(456, w, flags, wake, move); }

static uint32_t words[4];
static struct waitv vec[4];
static atomic_int ready;

static void *wait_any(void *arg) {
    ready++;
    return (void *)waitv(vec, 3, 0, NULL, 0);
}
static void *wait_bit(void *arg) {
    ready++;
    return (void *)fwait(&words[0], 0, (unsigned long)arg, U32 | PRIVATE, NULL, 0);
}
/* Until `n` threads sleep at the word: a wake-up of nobody is repeated. */
static void wake_one(void *a, unsigned long mask, unsigned flags) {
    long r;
    while (!(r = fwake(a, mask, 1, flags))) sched_yield();
    printf("woke %ld\n", r);
}
static void nothing(int n) {}

int main(void) {
    struct timespec soon, bad = {0, -1}, old = {1, 0};
    for (int i = 0; i < 4; i++) vec[i] = (struct waitv){0, (uintptr_t)&words[i], U32 | PRIVATE, 0};
    SHOW(waitv(vec, 0, 0, NULL, 0));
    SHOW(waitv(vec, 129, 0, NULL, 0));
    SHOW(waitv(vec, 1, 1, NULL, 0));
    SHOW(waitv(NULL, 1, 0, NULL, 0));
    SHOW(waitv(BAD, 1, 0, NULL, 0));
    SHOW(waitv(vec, 1, 0, &bad, CLOCK_MONOTONIC));
    SHOW(waitv(vec, 1, 0, &old, CLOCK_BOOTTIME));
    SHOW(waitv(vec, 1, 0, BAD, CLOCK_REALTIME));
    SHOW(waitv(vec, 4, 0, &old, CLOCK_REALTIME));
    SHOW(waitv(vec, 4, 0, &old, CLOCK_MONOTONIC));
    words[3] = 7;
    SHOW(waitv(vec, 4, 0, &old, CLOCK_MONOTONIC));
    words[3] = 0;
    vec[1].flags = PRIVATE;
    SHOW(waitv(vec, 4, 0, &old, CLOCK_MONOTONIC));
    vec[1].flags = U32 | 64;
    SHOW(waitv(vec, 4, 0, &old, CLOCK_MONOTONIC));
    vec[1].flags = U32;
    SHOW(waitv(vec, 4, 0, &old, CLOCK_MONOTONIC));
    vec[1].flags = U32 | PRIVATE;
    vec[1].reserved = 1;
    SHOW(waitv(vec, 4, 0, &old, CLOCK_MONOTONIC));
    vec[1].reserved = 0;
    vec[1].val = 1ul << 32;
    SHOW(waitv(vec, 4, 0, &old, CLOCK_MONOTONIC));
    vec[1].val = 0;
    vec[1].uaddr++;
    SHOW(waitv(vec, 4, 0, &old, CLOCK_MONOTONIC));
    vec[1].uaddr = 8;
    SHOW(waitv(vec, 4, 0, &old, CLOCK_MONOTONIC));
    vec[1].uaddr = 1ul << 63;
    SHOW(waitv(vec, 4, 0, &old, CLOCK_MONOTONIC));
    vec[1].uaddr = (uintptr_t)&words[1];

    for (int i = 0; i < 3; i++) {
        pthread_t p;
        void *r;
        pthread_create(&p, NULL, wait_any, NULL);
        wake_one(&words[i], ~0u, U32 | PRIVATE);
        pthread_join(p, &r);
        VAL((long)r);
        SHOW(fwake(&words[i], ~0u, 1, U32 | PRIVATE));
    }

    SHOW(fwait(&words[0], 1, ~0u, U32, NULL, 0));
    SHOW(fwait(&words[0], 0, 0, U32, NULL, 0));
    SHOW(fwait(&words[0], 0, 1ul << 32, U32, NULL, 0));
    SHOW(fwait(&words[0], 1ul << 32, 1, U32, NULL, 0));
    SHOW(fwait(&words[0], 0, ~0u, 3, NULL, 0));
    SHOW(fwait(&words[0], 0, ~0u, U32 | 256, NULL, 0));
    SHOW(fwait(&words[0], 0, ~0u, U32, &old, CLOCK_MONOTONIC));
    SHOW(fwait(&words[0], 0, ~0u, U32, &old, CLOCK_TAI));
    SHOW(fwait(&words[0], 0, ~0u, U32, &bad, CLOCK_MONOTONIC));
    SHOW(fwait((char *)words + 2, 0, ~0u, U32, &old, CLOCK_MONOTONIC));
    SHOW(fwait(BAD, 0, ~0u, U32 | PRIVATE, &old, CLOCK_MONOTONIC));
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 5 * MS;
    if (soon.tv_nsec >= 1000000000) soon.tv_sec++, soon.tv_nsec -= 1000000000;
    SHOW(fwait(&words[0], 0, ~0u, U32, &soon, CLOCK_REALTIME));
    SHOW(fwake(&words[0], 0, 1, U32));
    SHOW(fwake(&words[0], 1ul << 32, 1, U32));
    SHOW(fwake(&words[0], 1, 0, U32));
    SHOW(fwake(&words[0], 1, 1, 0));
    SHOW(fwake((char *)words + 1, 1, 1, U32));

    pthread_t p[2];
    void *r;
    for (int i = 0; i < 2; i++) pthread_create(&p[i], NULL, wait_bit, (void *)(1ul << i));
    wake_one(&words[0], 2, U32 | PRIVATE);
    pthread_join(p[1], &r);
    VAL((long)r);
    wake_one(&words[0], 1, U32 | PRIVATE);
    pthread_join(p[0], &r);

    SHOW(requeue(vec, 1, 1, 1));
    SHOW(requeue(NULL, 0, 1, 1));
    SHOW(requeue(BAD, 0, 1, 1));
    SHOW(requeue(vec, 0, -1, 1));
    vec[0].val = 5;
    SHOW(requeue(vec, 0, 1, 1));
    vec[0].val = 0;
    for (int i = 0; i < 2; i++) pthread_create(&p[i], NULL, wait_bit, (void *)3);
    long moved = 0;
    while (moved < 2) moved += requeue(vec, 0, 0, 9), sched_yield();
    VAL(moved);
    SHOW(fwake(&words[0], 3, 9, U32 | PRIVATE));
    SHOW(fwake(&words[1], 3, 9, U32 | PRIVATE));
    for (int i = 0; i < 2; i++) pthread_join(p[i], NULL);

    /* A handler ends the wait; with SA_RESTART it goes on to its absolute end. */
    struct itimerval quick = {{0, 0}, {0, 5000}};
    handle(SIGALRM, nothing, 0);
    setitimer(ITIMER_REAL, &quick, NULL);
    SHOW(waitv(vec, 2, 0, NULL, 0));
    handle(SIGALRM, nothing, SA_RESTART);
    setitimer(ITIMER_REAL, &quick, NULL);
    clock_gettime(CLOCK_MONOTONIC, &soon);
    soon.tv_nsec += 30 * MS;
    if (soon.tv_nsec >= 1000000000) soon.tv_sec++, soon.tv_nsec -= 1000000000;
    SHOW(waitv(vec, 2, 0, &soon, CLOCK_MONOTONIC));
    return 0;
}

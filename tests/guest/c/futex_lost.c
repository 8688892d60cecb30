#include "t.h"

/* No wake-up is lost: locks, conditions and turns made of private futexes alone, by more threads than processors, all of which
   would wait for ever for one that was. */
enum { THREADS = 6, ROUNDS = 400, PRIVATE = FUTEX_PRIVATE_FLAG };
static long futex(void *a, int op, unsigned value, unsigned long second, void *other, unsigned last) {
    return syscall(SYS_futex, a, op | PRIVATE, value, second, other, last);
}

typedef _Atomic unsigned word;
static void lock(word *w) { /* 0 free, 1 taken, 2 taken and perhaps waited for */
    unsigned seen = 0;
    if (atomic_compare_exchange_strong(w, &seen, 1)) return;
    if (seen != 2) seen = atomic_exchange(w, 2);
    while (seen) {
        futex(w, FUTEX_WAIT, 2, 0, 0, 0);
        seen = atomic_exchange(w, 2);
    }
}
static void unlock(word *w) {
    if (atomic_exchange(w, 0) == 2) futex(w, FUTEX_WAKE, 1, 0, 0, 0);
}

static word locked, changed, turn, sleepers;
static long sum, stage, arrived;

static void *adds(void *p) {
    for (int i = 0; i < ROUNDS; i++) {
        lock(&locked);
        sum++;
        if (i % 16 == 0) sched_yield(); /* so that others come meanwhile */
        unlock(&locked);
    }
    return 0;
}

/* A barrier by a condition: the last one has the others moved to the lock (FUTEX_CMP_REQUEUE), as old condition variables had. */
static void *meets(void *p) {
    for (int i = 0; i < ROUNDS / 4; i++) {
        lock(&locked);
        long mine = stage;
        if (++arrived == THREADS) {
            arrived = 0;
            stage++;
            unsigned now = atomic_fetch_add(&changed, 1) + 1;
            if (futex(&changed, FUTEX_CMP_REQUEUE, 1, THREADS, &locked, now) == -1) abort();
        }
        while (stage == mine) {
            unsigned seen = changed;
            unlock(&locked);
            futex(&changed, FUTEX_WAIT, seen, 0, 0, 0);
            unsigned was = atomic_exchange(&locked, 2); /* who was moved does not know who else was */
            while (was) {
                futex(&locked, FUTEX_WAIT, 2, 0, 0, 0);
                was = atomic_exchange(&locked, 2);
            }
        }
        unlock(&locked);
    }
    return 0;
}

/* One after the other; who has had its turn tells the next one only if it seems to sleep. */
static void *takes_turns(void *p) {
    long me = (long)p;
    for (int i = 0; i < ROUNDS / 2; i++) {
        unsigned seen;
        while ((seen = turn) % THREADS != me) {
            sleepers++;
            futex(&turn, FUTEX_WAIT_BITSET, seen, 0, 0, 1u << me);
            sleepers--;
        }
        unsigned next = ++turn % THREADS;
        if (sleepers) futex(&turn, FUTEX_WAKE_BITSET, 1, 0, 0, 1u << next);
    }
    return 0;
}

static void all(const char *what, void *(*does)(void *)) {
    pthread_t t[THREADS];
    for (long i = 0; i < THREADS; i++) MUST(-pthread_create(&t[i], 0, does, (void *)i));
    for (int i = 0; i < THREADS; i++) pthread_join(t[i], 0);
    printf("%s: %ld %ld %u\n", what, sum, stage, turn);
}

int main(void) {
    all("locks", adds);
    all("barriers", meets);
    all("turns", takes_turns);
    return 0;
}

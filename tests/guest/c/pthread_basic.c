#include "t.h"

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t bar;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int count, turn, onces, serial, dtors;
static void init(void) { onces++; }
static void dtor(void *v) { __sync_fetch_and_add(&dtors, 1); }
static void *work(void *arg) {
    long id = (long)arg;
    pthread_once(&once, init);
    pthread_setspecific(key, (void *)(id + 1));
    for (int i = 0; i < 2000; i++) {
        pthread_mutex_lock(&m);
        count++;
        pthread_mutex_unlock(&m);
    }
    if (pthread_barrier_wait(&bar) == PTHREAD_BARRIER_SERIAL_THREAD) __sync_fetch_and_add(&serial, 1);
    pthread_mutex_lock(&m);
    while (turn != id) pthread_cond_wait(&c, &m);
    printf("turn %ld\n", id);
    turn++;
    pthread_cond_broadcast(&c);
    pthread_mutex_unlock(&m);
    return (void *)(id * 10);
}
int main(void) {
    pthread_t t[8];
    pthread_key_create(&key, dtor);
    pthread_barrier_init(&bar, NULL, 8);
    for (long i = 0; i < 8; i++) pthread_create(&t[i], NULL, work, (void *)i);
    long sum = 0;
    for (int i = 0; i < 8; i++) {
        void *r;
        pthread_join(t[i], &r);
        sum += (long)r;
    }
    printf("%d %ld %d %d %d\n", count, sum, onces, serial, dtors);
    struct timespec d;
    clock_gettime(CLOCK_REALTIME, &d);
    d.tv_nsec += 20 * MS;
    if (d.tv_nsec >= 1000000000) d.tv_sec++, d.tv_nsec -= 1000000000;
    pthread_mutex_lock(&m);
    STR(ename(pthread_cond_timedwait(&c, &m, &d)));
    STR(ename(pthread_mutex_timedlock(&m, &d)));
    pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
    VAL(pthread_rwlock_rdlock(&rw));
    VAL(pthread_rwlock_tryrdlock(&rw));
    STR(ename(pthread_rwlock_trywrlock(&rw)));
    return 0;
}

#include "t.h"

static volatile int cleaned, hits;
static pthread_t main_thread, target;
static void clean(void *p) { cleaned++; }
static void *sleeper(void *p) {
    pthread_cleanup_push(clean, NULL);
    pause();
    pthread_cleanup_pop(0);
    return NULL;
}
static void on(int s) { hits += pthread_equal(pthread_self(), target) ? 1 : 100; }
static void *spin(void *p) {
    while (!hits) nap(1);
    return NULL;
}
int main(void) {
    void *r;
    pthread_create(&target, NULL, sleeper, NULL);
    nap(20);
    VAL(pthread_cancel(target));
    pthread_join(target, &r);
    VAL(r == PTHREAD_CANCELED);
    VAL(cleaned);
    handle(SIGUSR1, on, 0);
    pthread_create(&target, NULL, spin, NULL);
    VAL(pthread_kill(target, SIGUSR1));
    pthread_join(target, NULL);
    VAL(hits);
    sigset_t m;
    sigemptyset(&m), sigaddset(&m, SIGUSR1);
    hits = 0;
    pthread_create(&target, NULL, spin, NULL);
    pthread_sigmask(SIG_BLOCK, &m, NULL);
    kill(getpid(), SIGUSR1);
    pthread_join(target, NULL);
    VAL(hits);
    return 0;
}

/* Priority-inheritance locks that many threads want at once: nobody is forgotten, nothing is counted twice. */
#include "t.h"

enum { TEAMS = 2, THREADS = 3, ROUNDS = 1500 };
static struct team {
    pthread_mutex_t lock;
    pthread_barrier_t together;
    int count;
} teams[TEAMS];

static void *contend(void *arg) {
    struct team *g = arg;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_barrier_wait(&g->together);
        pthread_mutex_lock(&g->lock);
        g->count++;
        pthread_mutex_unlock(&g->lock);
    }
    return NULL;
}

int main(void) {
    pthread_mutexattr_t attr;
    pthread_t threads[TEAMS * THREADS];
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
    for (int i = 0; i < TEAMS; i++) {
        pthread_mutex_init(&teams[i].lock, &attr);
        pthread_barrier_init(&teams[i].together, NULL, THREADS);
    }
    for (int i = 0; i < TEAMS * THREADS; i++)
        pthread_create(&threads[i], NULL, contend, &teams[i % TEAMS]);
    for (int i = 0; i < TEAMS * THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < TEAMS; i++)
        VAL(teams[i].count);
    return 0;
}

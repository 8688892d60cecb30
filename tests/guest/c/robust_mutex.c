#include "t.h"

static pthread_mutex_t *m;
static void *die(void *arg) {
    pthread_mutex_lock(m);
    return NULL;
}
int main(void) {
    m = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pthread_mutexattr_t a;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(m, &a);
    pthread_t t;
    pthread_create(&t, NULL, die, NULL);
    pthread_join(t, NULL);
    STR(ename(pthread_mutex_lock(m)));
    VAL(pthread_mutex_consistent(m));
    VAL(pthread_mutex_unlock(m));
    pid_t c = fork();
    if (c == 0) {
        pthread_mutex_lock(m);
        raise(SIGKILL);
    }
    reap(c);
    STR(ename(pthread_mutex_lock(m)));
    VAL(pthread_mutex_unlock(m));
    STR(ename(pthread_mutex_lock(m)));
    return 0;
}

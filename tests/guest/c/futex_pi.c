#include "t.h"

static int lock;
static void *contend(void *arg) {
    long r = syscall(SYS_futex, &lock, FUTEX_LOCK_PI_PRIVATE, 0, NULL);
    printf("second owner: %ld\n", r);
    printf("%ld\n", (long)syscall(SYS_futex, &lock, FUTEX_UNLOCK_PI_PRIVATE, 0));
    return NULL;
}
int main(void) {
    SHOW(syscall(SYS_futex, &lock, FUTEX_LOCK_PI_PRIVATE, 0, NULL));
    VAL(lock == syscall(SYS_gettid));
    SHOW(syscall(SYS_futex, &lock, FUTEX_LOCK_PI_PRIVATE, 0, NULL));
    SHOW(syscall(SYS_futex, &lock, FUTEX_TRYLOCK_PI_PRIVATE, 0, NULL));
    pthread_t t;
    pthread_create(&t, NULL, contend, NULL);
    nap(50);
    VAL((lock & FUTEX_WAITERS) != 0);
    MUST(syscall(SYS_futex, &lock, FUTEX_UNLOCK_PI_PRIVATE, 0));
    pthread_join(t, NULL);
    VAL(lock);
    SHOW(syscall(SYS_futex, &lock, FUTEX_UNLOCK_PI_PRIVATE, 0));
    pthread_mutexattr_t a;
    pthread_mutex_t m;
    pthread_mutexattr_init(&a);
    SHOW(pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT));
    pthread_mutex_init(&m, &a);
    SHOW(pthread_mutex_lock(&m));
    SHOW(pthread_mutex_trylock(&m) == EBUSY);
    SHOW(pthread_mutex_unlock(&m));
    return 0;
}

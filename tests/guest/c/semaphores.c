#include "t.h"

static sem_t *s;
int main(void) {
    s = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    SHOW(sem_init(s, 1, 1));
    SHOW(sem_trywait(s));
    SHOW(sem_trywait(s));
    struct timespec d;
    clock_gettime(CLOCK_REALTIME, &d);
    SHOW(sem_timedwait(s, &d));
    pid_t c = fork();
    if (c == 0) {
        SHOW(sem_wait(s));
        _exit(0);
    }
    nap(20);
    MUST(sem_post(s));
    reap(c);
    int v;
    sem_getvalue(s, &v);
    VAL(v);
    sem_t *n = sem_open("/stackbox-t", O_CREAT | O_EXCL, 0600, 3);
    VAL(n != SEM_FAILED);
    VAL(sem_open("/stackbox-t", O_CREAT | O_EXCL, 0600, 3) == SEM_FAILED);
    STR(ename(errno));
    if (fork() == 0) {
        sem_wait(n);
        _exit(0);
    }
    wait(NULL);
    sem_getvalue(n, &v);
    VAL(v);
    SHOW(sem_unlink("/stackbox-t"));
    SHOW(sem_unlink("/stackbox-t"));
    return 0;
}

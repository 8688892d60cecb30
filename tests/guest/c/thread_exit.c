#include "t.h"

static void *leave(void *p) {
    nap(20);
    if (p) exit(5);
    return NULL;
}
static void *execs(void *p) {
    execl("/bin/sh", "sh", "-c", "exit 9", NULL);
    return NULL;
}
static void *last(void *p) {
    nap(30);
    puts("the last thread ends the process");
    return NULL;
}
int main(void) {
    pthread_t t;
    pid_t c = fork();
    if (c == 0) {
        pthread_create(&t, NULL, leave, (void *)1);
        pause();
    }
    reap(c);
    c = fork();
    if (c == 0) {
        pthread_create(&t, NULL, last, NULL);
        pthread_exit(NULL);
    }
    reap(c);
    c = fork();
    if (c == 0) {
        pthread_create(&t, NULL, execs, NULL);
        pause();
    }
    reap(c);
    c = fork();
    if (c == 0) {
        pthread_create(&t, NULL, last, NULL);
        _exit(3);
    }
    reap(c);
    c = fork();
    if (c == 0) {
        pthread_create(&t, NULL, leave, NULL);
        syscall(SYS_exit, 77);
    }
    reap(c);
    return 0;
}

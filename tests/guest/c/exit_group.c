#include "t.h"

static void *sleeper(void *unused) {
    nap(60000);
    return NULL;
}
static void *ender(void *code) {
    syscall(SYS_exit_group, (long)code);
    return NULL;
}

int main(void) {
    pthread_t t;
    long codes[] = {0, 7, 256, 257, -1, 0x1ff};
    for (int i = 0; i < 6; i++) {
        pid_t p = MUST(fork());
        if (!p) {
            for (int j = 0; j < 3; j++) pthread_create(&t, NULL, sleeper, NULL);
            pthread_create(&t, NULL, ender, (void *)codes[i]);
            sleeper(NULL);
        }
        reap(p);
    }
    pid_t p = MUST(fork()); /* the code of the last thread that only exits itself is the process's */
    if (!p) {
        pthread_create(&t, NULL, ender, (void *)9L);
        syscall(SYS_exit, 3);
    }
    reap(p);
    p = MUST(fork());
    if (!p) syscall(SYS_exit, 300);
    reap(p);
    return 0;
}

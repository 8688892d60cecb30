#include "t.h"

static void *in_thread(void *unused) {
    SHOW(unshare(CLONE_FS));
    MUST(chdir("/"));
    SHOW(unshare(CLONE_FILES));
    close(50);
    SHOW(unshare(CLONE_SIGHAND));
    SHOW(unshare(CLONE_VM));
    SHOW(unshare(CLONE_THREAD));
    return NULL;
}

int main(void) {
    char before[500], after[500];
    pthread_t t;
    MUST(dup2(1, 50));
    MUST(getcwd(before, 500));
    SHOW(unshare(0));
    SHOW(unshare(CLONE_SIGHAND));
    SHOW(unshare(CLONE_VM));
    SHOW(unshare(CLONE_SYSVSEM));
    pthread_create(&t, NULL, in_thread, NULL);
    pthread_join(t, NULL);
    MUST(getcwd(after, 500));
    VAL(strcmp(before, after));
    VAL(fcntl(50, F_GETFD));
    SHOW(unshare(CLONE_PARENT_SETTID));
    SHOW(unshare(0x80000000));
    SHOW(unshare(1));
    SHOW(setns(99, 0));
    SHOW(setns(0, 0));
    SHOW(setns(open("/", O_RDONLY), CLONE_NEWNS));
    pid_t p = MUST(fork());
    if (!p) {
        MUST(setuid(1000));
        SHOW(unshare(CLONE_NEWNS));
        SHOW(unshare(CLONE_NEWNET));
        SHOW(unshare(CLONE_NEWUTS));
        SHOW(unshare(CLONE_NEWPID));
        _exit(0);
    }
    reap(p);
    return 0;
}

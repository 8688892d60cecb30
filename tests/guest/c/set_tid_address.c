#include "t.h"
static volatile int word = 7;

static int child(void *unused) {
    syscall(SYS_set_tid_address, &word);
    return 0;
}

int main(void) {
    char *stack = malloc(65536);
    VAL(syscall(SYS_set_tid_address, &word) == getpid());
    VAL(syscall(SYS_set_tid_address, BAD) == getpid());
    VAL(syscall(SYS_set_tid_address, NULL) == getpid());
    int flags = CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD;
    pid_t p = MUST(clone(child, stack + 65536, flags, NULL));
    reap(p);
    VAL(word);
    word = 7;
    p = MUST(fork()); /* alone in its memory: nothing is cleared that anybody could see */
    if (!p) {
        syscall(SYS_set_tid_address, BAD);
        _exit(3);
    }
    reap(p);
    VAL(word);
    return 0;
}

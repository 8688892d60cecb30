#include "t.h"
#include <linux/kcmp.h>
#define KCMP(a, b, k, x, y) syscall(SYS_kcmp, a, b, k, x, y)

int main(void) {
    int me = getpid(), a = MUST(open("/", O_RDONLY)), b = MUST(dup(a)), c = MUST(open("/", O_RDONLY));
    SHOW(KCMP(me, me, KCMP_FILE, a, b));
    VAL(KCMP(me, me, KCMP_FILE, a, c) > 0);
    VAL(KCMP(me, me, KCMP_FILE, a, c) + KCMP(me, me, KCMP_FILE, c, a));
    SHOW(KCMP(me, me, KCMP_FILE, a, 99));
    SHOW(KCMP(me, me, KCMP_VM, 0, 0));
    SHOW(KCMP(me, me, KCMP_FILES, 0, 0));
    SHOW(KCMP(me, me, KCMP_IO, 0, 0));
    SHOW(KCMP(me, me, KCMP_SYSVSEM, 0, 0));
    SHOW(KCMP(me, me, 99, 0, 0));
    SHOW(KCMP(me, 99999999, KCMP_VM, 0, 0));
    pid_t p = MUST(fork());
    if (!p) {
        pause();
        _exit(0);
    }
    SHOW(KCMP(me, p, KCMP_FILE, a, b));
    VAL(KCMP(me, p, KCMP_VM, 0, 0) > 0);
    VAL(KCMP(me, p, KCMP_FILES, 0, 0) > 0);
    VAL(KCMP(me, p, KCMP_FS, 0, 0) > 0);
    VAL(KCMP(me, p, KCMP_SIGHAND, 0, 0) > 0);
    SHOW(KCMP(me, p, KCMP_SYSVSEM, 0, 0));
    int sem = MUST(semget(IPC_PRIVATE, 1, 0600));
    struct sembuf up = {0, 1, SEM_UNDO};
    MUST(semop(sem, &up, 1));
    VAL(KCMP(me, p, KCMP_SYSVSEM, 0, 0) > 0);
    MUST(semctl(sem, 0, IPC_RMID));
    MUST(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 3));
    SHOW(KCMP(me, me, KCMP_IO, 0, 0));
    VAL(KCMP(me, p, KCMP_IO, 0, 0) > 0);
    pid_t q = MUST(fork());
    if (!q) {
        MUST(setuid(1000));
        SHOW(KCMP(getpid(), getppid(), KCMP_FILE, a, b));
        _exit(0);
    }
    reap(q);
    kill(p, SIGKILL);
    reap(p);
    return 0;
}

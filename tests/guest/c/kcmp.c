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
    int ep = MUST(epoll_create1(0)), pipes[2], other[2];
    MUST(pipe(pipes)), MUST(pipe(other));
    struct epoll_event e = {EPOLLIN};
    MUST(epoll_ctl(ep, EPOLL_CTL_ADD, pipes[0], &e)), MUST(epoll_ctl(ep, EPOLL_CTL_ADD, other[0], &e));
    struct { uint32_t efd, tfd, toff; } slot = {ep, pipes[0], 0};
    SHOW(KCMP(me, me, KCMP_EPOLL_TFD, pipes[0], &slot)), SHOW(KCMP(me, me, KCMP_EPOLL_TFD, dup(pipes[0]), &slot));
    VAL(KCMP(me, me, KCMP_EPOLL_TFD, other[0], &slot) > 0), SHOW(KCMP(me, me, KCMP_EPOLL_TFD, 99, &slot));
    slot.toff = 1, SHOW(KCMP(me, me, KCMP_EPOLL_TFD, pipes[0], &slot));
    int keep = MUST(dup(pipes[0])), number = pipes[0]; // two files under one number
    close(pipes[0]), MUST(dup2(other[0], number)), MUST(epoll_ctl(ep, EPOLL_CTL_ADD, number, &e));
    int first, second;
    slot.toff = 0, first = KCMP(me, me, KCMP_EPOLL_TFD, keep, &slot), slot.toff = 1, second = KCMP(me, me, KCMP_EPOLL_TFD, keep, &slot);
    printf("%d\n", !first + !second), slot.toff = 2, SHOW(KCMP(me, me, KCMP_EPOLL_TFD, keep, &slot));
    slot.tfd = ep, slot.toff = 0, SHOW(KCMP(me, me, KCMP_EPOLL_TFD, keep, &slot));
    slot.efd = keep, SHOW(KCMP(me, me, KCMP_EPOLL_TFD, keep, &slot)), slot.efd = 99, SHOW(KCMP(me, me, KCMP_EPOLL_TFD, keep, &slot));
    SHOW(KCMP(me, me, KCMP_EPOLL_TFD, 99, 8)), SHOW(KCMP(me, me, 8, 0, 0));
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

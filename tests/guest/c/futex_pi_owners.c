/* What FUTEX_LOCK_PI and its like answer where the word names nobody, or somebody who cannot own it. */
#include "t.h"
#define F(op, ...) syscall(SYS_futex, &word, op | FUTEX_PRIVATE_FLAG, __VA_ARGS__)
static uint32_t word;
int main(void) {
    alarm(10);
    pid_t me = gettid(), dead = fork();
    if (!dead) _exit(0);
    waitpid(dead, 0, 0);
    pid_t zombie = fork();
    if (!zombie) _exit(0);
    siginfo_t si; waitid(P_PID, zombie, &si, WEXITED | WNOWAIT);
    pid_t live = fork();
    if (!live) {
        alarm(10);
        pause(); _exit(0); }
    uint32_t words[] = {0, me, me | FUTEX_WAITERS, me | FUTEX_OWNER_DIED, dead, dead | FUTEX_WAITERS, dead | FUTEX_OWNER_DIED, zombie, zombie|FUTEX_OWNER_DIED, 1, 0x3fffffff, FUTEX_WAITERS, FUTEX_OWNER_DIED, FUTEX_WAITERS | FUTEX_OWNER_DIED, live, live|FUTEX_WAITERS, live|FUTEX_OWNER_DIED};
    for (int i = 0; i < sizeof words / 4; i++) {
        struct timespec past = {1, 0};
        printf("%d\n", i);
#define AFTER printf(" -> same %d tid mine %d bits %x\n", word == words[i], (word & FUTEX_TID_MASK) == me, word >> 30)
        word = words[i]; SHOW(F(FUTEX_LOCK_PI, 0, &past, 0, 0)); AFTER;
        word = words[i]; SHOW(F(FUTEX_TRYLOCK_PI, 0, 0, 0, 0)); AFTER;
        word = words[i]; SHOW(F(FUTEX_UNLOCK_PI, 0, 0, 0, 0)); AFTER;
        word = words[i]; SHOW(F(13 /* LOCK_PI2 */, 0, &past, 0, 0)); AFTER;
        uint32_t other = 5;
        word = words[i]; SHOW(syscall(SYS_futex, &other, FUTEX_CMP_REQUEUE_PI|128, 1, 1, &word, 5)); AFTER;
        SHOW(syscall(SYS_futex, &other, FUTEX_WAIT_REQUEUE_PI|128, 5, &past, &word, 0));
    }
    word = 0;
    struct timespec bad = {0, 1000000000};
    SHOW(F(FUTEX_LOCK_PI, 0, &bad, 0, 0));
    SHOW(syscall(SYS_futex, 3, FUTEX_LOCK_PI, 0, 0, 0, 0)); SHOW(syscall(SYS_futex, BAD, FUTEX_LOCK_PI, 0, 0, 0, 0)); SHOW(syscall(SYS_futex, 3, FUTEX_UNLOCK_PI, 0, 0, 0, 0)); SHOW(syscall(SYS_futex, BAD, FUTEX_UNLOCK_PI, 0, 0, 0, 0));
    SHOW(syscall(SYS_futex, BAD, FUTEX_TRYLOCK_PI, 0, 0, 0, 0));
    static uint32_t odd[2];
    SHOW(syscall(SYS_futex, (char *)odd + 1, FUTEX_UNLOCK_PI, 0, 0, 0, 0));
    SHOW(syscall(SYS_futex, (char *)odd + 1, FUTEX_LOCK_PI, 0, 0, 0, 0));
    kill(live, 9);
    waitpid(live, 0, 0), waitpid(zombie, 0, 0);
}

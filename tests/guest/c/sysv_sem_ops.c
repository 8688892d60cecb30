// private
#include "t.h"

static int id;
static void values(void) {
    unsigned short v[4] = {9, 9, 9, 9};
    MUST(semctl(id, 0, GETALL, v));
    printf("values %d %d %d %d\n", v[0], v[1], v[2], v[3]);
}
static void until(int number, int command, int count) {
    while (semctl(id, number, command) != count) nap(1);
}
static int op1(int number, int change, int flags) {
    struct sembuf b = {number, change, flags};
    return semop(id, &b, 1);
}
static void nothing(int s) {}
int main(void) {
    id = MUST(semget(IPC_PRIVATE, 4, 0600));
    values();
    SHOW(op1(4, 1, 0));
    SHOW(op1(0, 32767, 0));
    SHOW(op1(0, 1, 0));
    SHOW(op1(0, -32767, 0));
    SHOW(op1(0, 0, 0));
    SHOW(semop(id, NULL, 0));
    SHOW(semop(id, BAD, 501));
    SHOW(semop(id, BAD, 1));
    SHOW(semop(-1, BAD, 1));
    SHOW(semop(id ^ 0x8000, &(struct sembuf){9, 1, 0}, 1));
    SHOW(semtimedop(id, BAD, 0, BAD));
    struct timespec bad = {0, 1000000000}, past = {-1, 0}, zero = {0, 0}, some = {0, 5 * MS};
    struct sembuf take = {0, -1, 0};
    SHOW(semtimedop(id, &take, 1, &bad));
    SHOW(semtimedop(id, &take, 1, &past));
    SHOW(semtimedop(id, &take, 1, &zero));
    SHOW(semtimedop(id, &take, 1, &some));

    /* All or nothing; the same semaphore twice. */
    struct sembuf twice[] = {{0, 2, 0}, {0, -1, 0}, {0, -1, 0}, {0, 0, 0}, {1, 3, 0}};
    SHOW(semop(id, twice, 5));
    values();
    struct sembuf part[] = {{2, 5, 0}, {3, -1, IPC_NOWAIT}};
    SHOW(semop(id, part, 2));
    struct sembuf large[] = {{2, 5, 0}, {1, 32767, 0}};
    SHOW(semop(id, large, 2));
    values();
    VAL(semctl(id, 1, GETPID) == getpid());
    VAL(semctl(id, 3, GETPID));

    /* First come, first served: a small taker behind a large one gets it only when the large one cannot. */
    pid_t c[4];
    for (int i = 0; i < 3; i++) {
        c[i] = fork();
        if (c[i] == 0) _exit(op1(2, i == 0 ? -3 : -1, 0) ? 1 : 10 + i);
        until(2, GETNCNT, i + 1);
    }
    SHOW(op1(2, 1, 0));
    int s;
    VAL(waitpid(c[1], &s, 0) == c[1]);
    show_status(s);
    SHOW(op1(2, 4, 0));
    reap(c[0]);
    reap(c[2]);
    values();

    /* Waiters for zero. */
    op1(3, 2, 0);
    for (int i = 0; i < 2; i++) {
        c[i] = fork();
        if (c[i] == 0) _exit(op1(3, 0, 0) ? 1 : 0);
        until(3, GETZCNT, i + 1);
    }
    SHOW(op1(3, -1, 0));
    VAL(semctl(id, 3, GETZCNT));
    SHOW(op1(3, -1, 0));
    reap(c[0]);
    reap(c[1]);

    /* A chain: one completes the next. */
    c[0] = fork();
    if (c[0] == 0) {
        struct sembuf b[] = {{2, -1, 0}, {3, 1, 0}};
        _exit(semop(id, b, 2) ? 1 : 20);
    }
    until(2, GETNCNT, 1);
    c[1] = fork();
    if (c[1] == 0) {
        struct sembuf b[] = {{3, -1, 0}, {0, 1, 0}};
        _exit(semop(id, b, 2) ? 1 : 21);
    }
    until(3, GETNCNT, 1);
    SHOW(op1(2, 1, 0));
    reap(c[0]);
    reap(c[1]);
    VAL(semctl(id, 0, GETPID) == c[1]);
    values();

    /* Signals end it, whatever SA_RESTART says; removal too. */
    handle(SIGUSR1, nothing, SA_RESTART);
    c[0] = fork();
    if (c[0] == 0) {
        SHOW(op1(2, -1, 0));
        op1(1, 1, 0);
        _exit(op1(2, -1, 0) == -1 && errno == EIDRM ? 5 : 1);
    }
    until(2, GETNCNT, 1);
    kill(c[0], SIGUSR1);
    until(1, GETVAL, 4);
    until(2, GETNCNT, 1);
    SHOW(semctl(id, 0, IPC_RMID));
    reap(c[0]);
    SHOW(semctl(id, 0, IPC_RMID));
    SHOW(semop(id, &take, 1));
    return 0;
}

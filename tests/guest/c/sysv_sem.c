// private
#include "t.h"

int main(void) {
    int id = OK(semget(IPC_PRIVATE, 3, IPC_CREAT | 0600));
    union { int val; struct semid_ds *buf; unsigned short *array; } u;
    unsigned short all[3] = {1, 2, 3};
    u.array = all;
    SHOW(semctl(id, 0, SETALL, u));
    SHOW(semctl(id, 1, GETVAL));
    u.val = 5;
    SHOW(semctl(id, 1, SETVAL, u));
    struct sembuf take = {0, -1, IPC_NOWAIT}, give = {0, 1, 0};
    SHOW(semop(id, &take, 1));
    SHOW(semop(id, &take, 1));
    struct sembuf both[2] = {{1, -5, IPC_NOWAIT}, {2, -4, IPC_NOWAIT}};
    SHOW(semop(id, both, 2));
    SHOW(semctl(id, 1, GETVAL));
    pid_t c = fork();
    if (c == 0) {
        take.sem_flg = 0;
        SHOW(semop(id, &take, 1));
        _exit(0);
    }
    while (semctl(id, 0, GETNCNT) == 0) nap(2);
    MUST(semop(id, &give, 1));
    reap(c);
    c = fork();
    if (c == 0) {
        struct sembuf undo = {0, 3, SEM_UNDO};
        semop(id, &undo, 1);
        SHOW(semctl(id, 0, GETVAL));
        _exit(0);
    }
    reap(c);
    SHOW(semctl(id, 0, GETVAL));
    SHOW(semctl(id, 9, GETVAL));
    struct timespec t = {0, 20 * MS};
    take.sem_flg = 0;
    SHOW(semtimedop(id, &take, 1, &t));
    SHOW(semctl(id, 0, IPC_RMID));
    SHOW(semop(id, &give, 1));
    SHOW(semget(IPC_PRIVATE, 0, 0600));
    return 0;
}

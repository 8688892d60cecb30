// private
#include "container_caps.h"

union semun { int val; struct semid_ds *buf; unsigned short *array; struct seminfo *info; };
int main(void) {
    as_in_container();
    int key = 0x53200000 ^ getpid();
    SHOW(semget(key, 2, 0));
    SHOW(semget(key, -1, IPC_CREAT | 0600));
    SHOW(semget(key, 32001, IPC_CREAT | 0600));
    SHOW(semget(key, 0, IPC_CREAT | 0600));
    int id = OK(semget(key, 2, IPC_CREAT | 0640));
    SHOW(semget(key, 2, IPC_CREAT | IPC_EXCL | 0600));
    SHOW(semget(key, 0, 0) == id);
    SHOW(semget(key, 3, 0));
    struct semid_ds d;
    union semun u = {.buf = &d};
    SHOW(semctl(id, 0, IPC_STAT, u));
    printf("%o %ld otime %d ctime %d\n", d.sem_perm.mode, (long)d.sem_nsems, d.sem_otime != 0, d.sem_ctime != 0);
    struct sembuf give = {0, 1, 0};
    SHOW(semop(id, &give, 1));
    SHOW(semctl(id & 0x7fff, 0, SEM_STAT, u) == id);
    VAL(d.sem_otime != 0);
    SHOW(semctl(id, 0, SETVAL, -1));
    SHOW(semctl(id, 0, SETVAL, 32768));
    SHOW(semctl(id, 2, SETVAL, 1));
    SHOW(semctl(id, -1, SETVAL, 1));
    SHOW(semctl(id ^ 0x8000, 2, SETVAL, 32768));
    SHOW(semctl(id, 2, GETVAL));
    SHOW(semctl(id, 2, GETNCNT));
    SHOW(semctl(id, -1, GETPID));
    unsigned short many[2] = {32767, 32768};
    u.array = many;
    SHOW(semctl(id, 0, SETALL, u));
    many[1] = 3;
    SHOW(semctl(id, 99, SETALL, u));
    u.array = (void *)8;
    SHOW(semctl(id, 0, SETALL, u));
    SHOW(semctl(id, 0, GETALL, u));
    SHOW(semctl(id, 0, IPC_STAT, u));
    SHOW(semctl(id, 0, IPC_SET, u));
    SHOW(semctl(id, 0, IPC_INFO, u));
    SHOW(semctl(-1, 0, IPC_INFO, u));
    SHOW(semctl(id, 0, 99, u));
    SHOW(semctl(id, 0, -5, u));
    SHOW(semctl(id, 1, GETVAL));
    struct seminfo limits;
    u.info = &limits;
    OK(semctl(0, 0, IPC_INFO, u));
    printf("%d %d %d %d %d %d %d %d %d %d\n", limits.semmap, limits.semmni, limits.semmns, limits.semmnu, limits.semmsl,
           limits.semopm, limits.semume, limits.semusz, limits.semvmx, limits.semaem);
    OK(semctl(0, 0, SEM_INFO, u));
    VAL(limits.semusz >= 1 && limits.semaem >= 2);
    MUST(semctl(id, 0, IPC_STAT, (union semun){.buf = &d}));
    d.sem_perm.mode = 0604;
    u.buf = &d;
    SHOW(semctl(id, 0, IPC_SET, u));
    pid_t c = fork();
    if (c == 0) {
        MUST(setgroups(0, NULL));
        MUST(setgid(1500));
        MUST(setuid(1500));
        SHOW(semctl(id, 1, GETVAL));
        SHOW(semctl(id, 1, SETVAL, 1));
        SHOW(semctl(id, 9, SETVAL, 1));
        u.array = many;
        SHOW(semctl(id, 1, SETALL, u));
        struct sembuf zero = {0, 0, IPC_NOWAIT};
        SHOW(semop(id, &zero, 1));
        SHOW(semop(id, &give, 1));
        give.sem_num = 7;
        SHOW(semop(id, &give, 1));
        SHOW(semctl(id, 0, IPC_RMID));
        u.buf = &d;
        SHOW(semctl(id, 0, IPC_SET, u));
        SHOW(semctl(id, 0, IPC_STAT, u));
        SHOW(semget(key, 0, 0600));
        SHOW(semget(key, 0, 0400) == id);
        _exit(0);
    }
    reap(c);
    SHOW(semctl(id, 0, IPC_RMID));
    int big = OK(semget(IPC_PRIVATE, 32000, 0600));
    SHOW(semctl(big, 31999, SETVAL, 5));
    SHOW(semctl(big, 31999, GETVAL));
    SHOW(semctl(big, 0, IPC_RMID));
    return 0;
}

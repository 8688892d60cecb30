// private
#include "t.h"

int main(void) {
    int id = OK(shmget(IPC_PRIVATE, 5000, IPC_CREAT | 0600));
    char *a = MUST(shmat(id, NULL, 0));
    strcpy(a, "shared");
    struct shmid_ds d;
    SHOW(shmctl(id, IPC_STAT, &d));
    printf("%ld %ld %o\n", (long)d.shm_segsz, (long)d.shm_nattch, d.shm_perm.mode & 0777);
    pid_t c = fork();
    if (c == 0) {
        shmctl(id, IPC_STAT, &d);
        VAL(d.shm_nattch);
        strcpy(a, "by the child");
        _exit(0);
    }
    reap(c);
    STR(a);
    char *b = MUST(shmat(id, NULL, SHM_RDONLY));
    STR(b);
    SHOW(shmctl(id, IPC_RMID, NULL));
    SHOW(shmctl(id, IPC_STAT, &d));
    VAL(d.shm_nattch);
    SHOW(shmdt(a));
    STR(b);
    SHOW(shmdt(a));
    SHOW(shmdt(b));
    SHOW(shmctl(id, IPC_STAT, &d));
    SHOW((long)shmat(id, NULL, 0));
    SHOW(shmget(0x5b5b, 100, 0));
    SHOW(shmget(IPC_PRIVATE, 0, IPC_CREAT | 0600));
    id = MUST(shmget(0x5b5b, 100, IPC_CREAT | IPC_EXCL | 0600));
    SHOW(shmget(0x5b5b, 100, IPC_CREAT | IPC_EXCL | 0600));
    SHOW(shmget(0x5b5b, 9000, 0));
    SHOW(shmget(0x5b5b, 50, 0) == id);
    SHOW(shmctl(id, IPC_RMID, NULL));
    return 0;
}

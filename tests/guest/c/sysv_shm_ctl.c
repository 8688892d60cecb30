// private
#include "container_caps.h"

static void show(int id) {
    struct shmid_ds d;
    memset(&d, 0xff, sizeof d);
    if (SHOW(shmctl(id, IPC_STAT, &d)), errno) return;
    printf("mode %o size %ld n %ld uid %d gid %d cuid %d cgid %d\n", d.shm_perm.mode, (long)d.shm_segsz,
           (long)d.shm_nattch, d.shm_perm.uid, d.shm_perm.gid, d.shm_perm.cuid, d.shm_perm.cgid);
    printf("times %d %d %d pids %d %d\n", d.shm_atime != 0, d.shm_dtime != 0, d.shm_ctime != 0, d.shm_cpid == getpid(),
           d.shm_lpid == getpid());
}
int main(void) {
    as_in_container();
    int key = 0x53100000 ^ getpid();
    int id = MUST(shmget(key, 5000, IPC_CREAT | IPC_EXCL | 0640));
    show(id);
    void *p = MUST(shmat(id, NULL, 0));
    show(id);
    MUST(shmdt(p));
    show(id);
    SHOW(shmget(key, 0, 0) == id);
    SHOW(shmget(key, 5000, IPC_CREAT) == id);
    SHOW(shmget(key, 5001, 0));
    SHOW(shmget(key ^ 0x1000000, 5000, 0));
    SHOW(shmget(IPC_PRIVATE, -1L, 0600));
    SHOW(shmget(IPC_PRIVATE, (1L << 63) + 4096, 0600));
    SHOW(shmctl(id, IPC_STAT, BAD));
    SHOW(shmctl(id, IPC_SET, BAD));
    SHOW(shmctl(-1, IPC_STAT, BAD));
    SHOW(shmctl(id, -3, BAD));
    SHOW(shmctl(id, 77, BAD));
    SHOW(shmctl(id ^ 0x8000, IPC_RMID, NULL));
    SHOW(shmctl(id, SHM_LOCK, NULL));
    show(id);
    SHOW(shmctl(id, SHM_UNLOCK, NULL));
    show(id);
    struct shmid_ds d;
    MUST(shmctl(id, IPC_STAT, &d));
    d.shm_perm.uid = 1000;
    d.shm_perm.gid = 1001;
    d.shm_perm.mode = 01777 & 0604;
    SHOW(shmctl(id, IPC_SET, &d));
    show(id);
    d.shm_perm.uid = -1;
    SHOW(shmctl(id, IPC_SET, &d));
    SHOW(shmctl(id & 0x7fff, SHM_STAT, &d) == id);
    SHOW(shmctl(id & 0x7fff, 15, &d) == id);
    struct shminfo limits;
    OK(shmctl(0, IPC_INFO, (void *)&limits));
    printf("%lu %lu %lu %lu %lu\n", limits.shmmax, limits.shmmin, limits.shmmni, limits.shmseg, limits.shmall);
    struct shm_info used;
    OK(shmctl(0, SHM_INFO, (void *)&used));
    VAL(used.used_ids > 0 && used.shm_tot >= 2 && used.shm_rss >= 0 && used.shm_swp == 0);
    SHOW(shmctl(0, IPC_INFO, BAD));
    SHOW(shmctl(0, SHM_INFO, BAD));
    pid_t c = fork();
    if (c == 0) {
        MUST(setgid(1500));
        MUST(setgroups(0, NULL));
        MUST(setuid(1500));
        show(id);
        VAL((long)shmat(id, NULL, SHM_RDONLY) != -1);
        SHOW((long)shmat(id, NULL, 0));
        SHOW((long)shmat(id, NULL, SHM_RDONLY | SHM_EXEC));
        SHOW(shmget(key, 0, 0) == id);
        SHOW(shmget(key, 0, 0400) == id);
        SHOW(shmget(key, 0, 0600));
        SHOW(shmget(key, 0, 0222));
        SHOW(shmctl(id, IPC_RMID, NULL));
        SHOW(shmctl(id, IPC_SET, &d));
        SHOW(shmctl(id, SHM_LOCK, NULL));
        SHOW(shmctl(id, SHM_UNLOCK, NULL));
        _exit(0);
    }
    reap(c);
    c = fork();
    if (c == 0) {
        MUST(setuid(1000));
        show(id);
        struct rlimit none = {0, 0}, one = {4096, 4096};
        SHOW(shmctl(id, SHM_LOCK, NULL));
        MUST(setrlimit(RLIMIT_MEMLOCK, &one));
        SHOW(shmctl(id, SHM_LOCK, NULL));
        MUST(setrlimit(RLIMIT_MEMLOCK, &none));
        SHOW(shmctl(id, SHM_LOCK, NULL));
        SHOW(shmctl(id, SHM_UNLOCK, NULL));
        SHOW(shmctl(id, IPC_RMID, NULL));
        _exit(0);
    }
    reap(c);
    show(id);
    struct rlimit small = {64 << 20, 64 << 20};
    id = MUST(shmget(IPC_PRIVATE, 128 << 20, 0600));
    MUST(setrlimit(RLIMIT_AS, &small));
    SHOW((long)shmat(id, NULL, 0));
    show(id);
    SHOW(shmctl(id, IPC_RMID, NULL));
    return 0;
}

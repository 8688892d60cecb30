// private
#include "container_caps.h"

static long attached(int id) {
    struct shmid_ds d;
    return shmctl(id, IPC_STAT, &d) ? -1 : (long)d.shm_nattch;
}
static void where(void *want, int id, void *at, int flags) {
    errno = 0;
    void *p = shmat(id, at, flags);
    if (p == (void *)-1) printf("shmat %s\n", ename(errno));
    else printf("shmat at %s\n", p == want ? "the wanted place" : "another place");
    if (p != (void *)-1) MUST(shmdt(p));
}
static void maps_line(const char *name) {
    char line[512];
    FILE *f = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, f)) {
        unsigned long from, to, offset, inode;
        char mode[8], device[16], path[256] = "";
        sscanf(line, "%lx-%lx %7s %lx %15s %lu %255[^\n]", &from, &to, mode, &offset, device, &inode, path);
        if (strstr(path, name)) printf("%lx %s %lx %s %s\n", to - from, mode, offset, device, path);
    }
    fclose(f);
}
int main(int argc, char **argv) {
    if (argv[0][0] == 'x') {
        char line[512], *found = NULL;
        FILE *f = fopen("/proc/self/maps", "r");
        while (fgets(line, sizeof line, f)) found = found ? found : strstr(line, "SYSV");
        VAL(found != NULL);
        return 0;
    }
    as_in_container();
    int key = 0x53000000 ^ getpid();
    int id = MUST(shmget(IPC_PRIVATE, 3 * 4096 + 5, IPC_CREAT | 0600));
    char *room = MUST(mmap(NULL, 16 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    MUST(munmap(room, 8 * 4096));
    where(room, id, room, 0);
    where(room, id, room + 1, 0);
    where(room, id, room + 77, SHM_RND);
    where(room, id, room + 5 * 4096, 0);
    where(room, id, NULL, SHM_REMAP);
    where(room, id, (void *)5, SHM_RND | SHM_REMAP);
    where(room + 8 * 4096, id, room + 8 * 4096, SHM_REMAP);
    where(room, id, (void *)(~0UL << 12), 0);
    where(room, -1, NULL, 0);
    where(room, 0x7fff1234, NULL, 0);
    where(room, id, NULL, SHM_EXEC) ;
    SHOW(attached(id));

    char *p = MUST(shmat(id, NULL, 0));
    memset(p, 'x', 4 * 4096);
    maps_line("SYSV");
    SHOW(mprotect(p + 4096, 4096, PROT_READ));
    SHOW(attached(id));
    SHOW(mprotect(p + 4096, 4096, PROT_READ | PROT_WRITE)); /* what was split stays split */
    SHOW(attached(id));
    SHOW(munmap(p + 2 * 4096, 4096));
    SHOW(attached(id));
    SHOW(shmdt(p + 4096));
    SHOW(shmdt(p + 1));
    SHOW(shmdt(p));
    SHOW(attached(id));
    SHOW(shmdt(p));
    SHOW(munmap(p, 4 * 4096));

    char *r = MUST(shmat(id, NULL, SHM_RDONLY));
    VAL(r[4096]);
    SHOW(mprotect(r, 4096, PROT_READ | PROT_WRITE));
    char *moved = mremap(r, 4 * 4096, 4 * 4096, MREMAP_MAYMOVE | MREMAP_FIXED, room);
    VAL(moved == room);
    VAL(moved[3 * 4096]);
    SHOW(attached(id));
    SHOW(shmdt(room));
    SHOW(attached(id));

    p = MUST(shmat(id, NULL, 0));
    pid_t c = fork();
    if (c == 0) {
        SHOW(attached(id));
        execl("/proc/self/exe", "x", NULL);
        _exit(0);
    }
    (void)c;
    reap(c);
    SHOW(attached(id));
    SHOW(shmctl(id, IPC_RMID, NULL));
    SHOW(attached(id));
    struct shmid_ds d;
    MUST(shmctl(id, IPC_STAT, &d));
    printf("mode %o key %d\n", d.shm_perm.mode, d.shm_perm.__key);
    char *again = OK(shmat(id, NULL, 0));
    VAL(again[0]);
    again[0] = 'q';
    VAL(p[0]);
    MUST(shmdt(p));
    SHOW(shmctl(id, IPC_RMID, NULL));
    MUST(shmdt(again));
    SHOW(shmctl(id, IPC_RMID, NULL));

    id = MUST(shmget(key, 4096, IPC_CREAT | 0600));
    p = MUST(shmat(id, NULL, 0));
    SHOW(shmctl(id, IPC_RMID, NULL));
    SHOW(shmget(key, 4096, 0));
    int other = MUST(shmget(key, 8192, IPC_CREAT | 0600));
    VAL(other != id);
    SHOW(shmctl(other, IPC_RMID, NULL));
    MUST(shmdt(p));
    return 0;
}

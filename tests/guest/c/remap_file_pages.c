#include "t.h"
static void maps(char *p, long n) {
    FILE *f = fopen("/proc/self/maps", "r"); char line[512]; unsigned long a, b; char perms[8]; unsigned long off; char name[200];
    while (fgets(line, sizeof line, f)) { name[0]=0; sscanf(line, "%lx-%lx %s %lx %*s %*s %199[^\n]", &a, &b, perms, &off, name);
        if (b > (unsigned long)p && a < (unsigned long)p + n) { char *at = name; while (*at == ' ') at++; printf("  +%ld %ld %s %lx %s\n", ((long)a - (long)p) / 4096, (b - a) / 4096, perms, off, at); } }
    fclose(f);
}
int main(void) {
    long P = 4096; char *p = mmap(0, 8 * P, 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 8; i++) p[i * P] = 'a' + i;
    SHOW(remap_file_pages(p, P, 0, 3, 0)); 
    SHOW(remap_file_pages(p + 2 * P, 2 * P, 0, 6, 0)); maps(p, 8 * P);
    for (int i = 0; i < 8; i++) putchar(p[i * P]); puts("");
    p[0] = 'X'; p[6 * P + 1] = 'Y'; 
    for (int i = 0; i < 8; i++) putchar(p[i * P]); puts("");
    SHOW(p[2 * P + 1] == 'Y');
    SHOW(remap_file_pages(p + 4 * P, P, 0, 20, 0)); maps(p, 8 * P); 
    pid_t pid = fork(); if (!pid) { signal(SIGBUS, SIG_DFL); volatile char c = p[4 * P]; _exit(c); } int s; waitpid(pid, &s, 0); VAL(WIFSIGNALED(s) ? WTERMSIG(s) : -1);
    SHOW(remap_file_pages(p + 4 * P, P, 0, 4, 0)); putchar(p[4*P]); puts("");
    SHOW(remap_file_pages(p, 8 * P, 0, 0, 0)); maps(p, 8 * P);
    SHOW(remap_file_pages(p + 6 * P, 3 * P, 0, 0, 0)); SHOW(remap_file_pages(p + 1, P, 0, 5, 0)); SHOW(p[0] == p[5 * P]); SHOW(remap_file_pages(p + P, P + 1, 0, 6, MAP_NONBLOCK)); SHOW(remap_file_pages(p + P, P, 0, 6, 0x100)); maps(p, 8*P);
    munmap(p + 3 * P, P); SHOW(remap_file_pages(p + 2 * P, 2 * P, 0, 0, 0)); SHOW(remap_file_pages(p + 2 * P, P, 0, 3, 0)); putchar(p[2*P]); puts("");
    mprotect(p + 4 * P, 2 * P, PROT_READ); SHOW(remap_file_pages(p + 4 * P, P, 0, 6, 0)); SHOW(remap_file_pages(p + 4 * P, 2 * P, 0, 0, 0));  maps(p, 8 * P);  putchar(p[4*P]); puts("");
    SHOW(remap_file_pages(p + 6 * P, P, PROT_NONE, 1, 0)); SHOW(remap_file_pages(p + 6 * P, 0, 0, 1, 0)); SHOW(remap_file_pages(p + 5 * P, 2 * P, 0, 1, 0)); 
    mlock(p + 7 * P, P); SHOW(remap_file_pages(p + 7 * P, P, 0, 1, 0));
    SHOW(remap_file_pages(BAD, P, 0, 1, 0));
    char *q = mmap(0, 4 * P, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); SHOW(remap_file_pages(q, P, 0, 1, 0));
    int id = shmget(IPC_PRIVATE, 4 * P, 0600); char *r = shmat(id, 0, 0); r[2 * P] = 'z'; SHOW(remap_file_pages(r, P, 0, 2, 0)); putchar(r[0]); puts(""); maps(r, 4 * P); struct shmid_ds d; shmctl(id, IPC_STAT, &d); VAL(d.shm_nattch); SHOW(shmdt(r)); shmctl(id, IPC_STAT, &d); VAL(d.shm_nattch); maps(r, 4 * P); shmctl(id, IPC_RMID, 0);
    /* the same page through both */
    uint32_t *fu = mmap(0, 2 * P, 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0); SHOW(remap_file_pages(fu, P, 0, 1, 0));
    pid = fork(); if (!pid) { while (syscall(SYS_futex, fu, FUTEX_WAKE, 1, 0, 0, 0) != 1) usleep(1000); _exit(0); }
    SHOW(syscall(SYS_futex, (char *)fu + P, FUTEX_WAIT, 0, 0, 0, 0)); waitpid(pid, &s, 0); VAL(s);
    return 0;
}

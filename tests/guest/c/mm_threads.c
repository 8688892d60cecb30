#include "t.h"

/* Threads that change one address space at the same time. */
static void *worker(void *arg) {
    long id = (long)arg, bad = 0;
    for (int i = 0; i < 150; i++) {
        size_t n = (1 + (i * 7 + id) % 13) * 4096;
        unsigned char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED) return (void *)-1;
        for (size_t k = 0; k < n; k += 4096) bad += p[k] != 0, p[k] = id + 1;
        p = mremap(p, n, n + 8192, MREMAP_MAYMOVE);
        if (p == MAP_FAILED) return (void *)-2;
        for (size_t k = 0; k < n; k += 4096) bad += p[k] != id + 1;
        bad += p[n] != 0;
        if (mprotect(p, 4096, PROT_READ) || mprotect(p, 4096, PROT_READ | PROT_WRITE)) return (void *)-3;
        if (madvise(p, 4096, MADV_DONTNEED)) return (void *)-4;
        bad += p[0] != 0;
        if (munmap(p, n + 8192)) return (void *)-5;
        free(malloc(200000 + i));
    }
    return (void *)bad;
}
int main(void) {
    pthread_t t[4];
    for (long i = 0; i < 4; i++) pthread_create(&t[i], NULL, worker, (void *)i);
    for (int round = 0; round < 5; round++) {
        pid_t pid = MUST(fork());
        if (pid == 0) _exit(worker((void *)9L) != 0);
        int s;
        MUST(waitpid(pid, &s, 0));
        VAL(s);
    }
    for (int i = 0; i < 4; i++) {
        void *r;
        pthread_join(t[i], &r);
        VAL((long)r);
    }
    return 0;
}

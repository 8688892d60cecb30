// private
#include "t.h"
#include "container_caps.h"
/* The calls about memory, at each flag and each kind of range. What needs huge pages or a device is left out. */

#define P 4096L
static char *fresh(int prot) {
    char *at = mmap(NULL, 4 * P, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(at + 2 * P, P); /* a hole */
    return at;
}
static void gone(char *at) { munmap(at, 4 * P); }
static int file;
static int try_map(void *at, long size, int prot, int flags, int fd, long offset) {
    void *p = mmap(at, size, prot, flags, fd, offset);
    if (p == MAP_FAILED) return -1;
    munmap(p, size);
    return 0;
}
static int moved(void *p, long size) {
    if (p == MAP_FAILED) return -1;
    munmap(p, size);
    return 0;
}
#define E(e) ({ errno = 0; long r_ = (long)(e); printf(" %s", r_ == -1 ? ename(errno) : r_ ? "n" : "0"); })
static const int ADVICE[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 26, 99, -1};

int main(void) {
    as_in_container();
    put("f", "text"), truncate("f", 8 * P);
    file = MUST(open("f", O_RDWR));
    int ro = MUST(open("f", O_RDONLY)), wo = MUST(open("f", O_WRONLY));
    printf("mmap flags:");
    for (int k = 0; k < 32; k++)
        if (k != 4 && k != 18 && k != 19 && k != 15 && k != 13 && k != 20) E(try_map(NULL, P, PROT_READ, MAP_PRIVATE | (k > 4 ? 1u << k : 0) | MAP_ANONYMOUS, -1, 0));
    printf("\nmmap types:");
    for (int k = 0; k < 8; k++) E(try_map(NULL, P, PROT_READ, k, file, 0)), E(try_map(NULL, P, PROT_READ, k | MAP_ANONYMOUS, -1, 0));
    printf("\nmmap prot:");
    for (int k = 0; k < 32; k++) E(try_map(NULL, P, 1u << k, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    printf("\nmmap validate:");
    for (int k = 0; k < 32; k++)
        if (k != 18 && k != 19 && k != 15 && k != 13 && k != 5 && k != 4 && k != 20) E(try_map(NULL, P, PROT_READ, MAP_SHARED_VALIDATE | (1u << k), file, 0));
    printf("\nmmap access:");
    for (int prot = 0; prot < 8; prot++)
        for (int shared = 1; shared < 3; shared++) E(try_map(NULL, P, prot, shared, ro, 0)), E(try_map(NULL, P, prot, shared, wo, 0));
    printf("\nmmap places:");
    E(try_map((void *)1, P, 1, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)), E(try_map((void *)(1L << 47), P, 1, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    E(try_map((void *)-P, P, 1, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)), E(try_map(NULL, 1L << 47, 1, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    E(try_map(NULL, -1, 1, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)), E(try_map(NULL, P, 1, MAP_PRIVATE, file, 7)), E(try_map(NULL, P, 1, MAP_PRIVATE, file, -P)), E(try_map(NULL, P, 1, MAP_PRIVATE, file, LONG_MAX & -P));
    char *at = fresh(PROT_READ | PROT_WRITE);
    E(try_map(at, P, 1, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0)), E(try_map(at + 2 * P, P, 1, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
    printf("\nmunmap:");
    E(munmap(at + 1, P)), E(munmap(at, 0)), E(munmap(at, -1)), E(munmap((void *)(1L << 47), P)), E(munmap(at + 2 * P, P)), E(munmap(NULL, 1L << 47 | 1));
    printf("\nmprotect:");
    for (int k = 0; k < 32; k++) E(mprotect(at, P, 1u << k));
    E(mprotect(at + 1, P, 1)), E(mprotect(at, 0, 1)), E(mprotect(at, 4 * P, 1)), E(mprotect(at + 2 * P, P, 1)), E(mprotect(at, -1, 1)), E(mprotect(at, P, PROT_GROWSUP | PROT_GROWSDOWN)), E(mprotect(at, P, PROT_GROWSDOWN));
    char *shared = mmap(NULL, P, PROT_READ, MAP_SHARED, ro, 0);
    E(mprotect(shared, P, PROT_WRITE)), E(mprotect(shared, P, PROT_EXEC)), E(mprotect(shared, P, PROT_NONE));
    gone(at);
    printf("\nmremap:");
    for (int flags = 0; flags < 9; flags++) {
        at = fresh(PROT_READ | PROT_WRITE);
        printf(" |");
        void *to = at + 2 * P;
        E(moved(mremap(at, P, P, flags, to), P)), E(moved(mremap(at, P, 2 * P, flags, to), 0)), gone(at), at = fresh(3);
        E(moved(mremap(at, 2 * P, P, flags, to), 0)), gone(at), at = fresh(3);
        E(moved(mremap(at + 1, P, P, flags, to), 0)), E(moved(mremap(at, P, 0, flags, to), 0)), gone(at), at = fresh(3);
        E(moved(mremap(at, 0, P, flags, to), 0)), E(moved(mremap(at + 2 * P, P, P, flags, at + 8 * P), 0)), E(moved(mremap(at, P, -P, flags, to), 0)), E(moved(mremap(at, P, P, flags, at + 1), 0)), gone(at), at = fresh(3);
        E(moved(mremap(at, 2 * P, 2 * P, flags, at + P), 0)), E(moved(mremap(shared, 0, P, flags, to), P));
        gone(at);
    }
    for (unsigned k = 0; k < sizeof ADVICE / sizeof *ADVICE; k++) {
        int a = ADVICE[k];
        if (a == 14 || a == 15 || a == 12 || a == 13) continue; /* THP may not be built */
        printf("\nmadvise %d:", a);
        at = fresh(3);
        E(madvise(at, P, a)), E(madvise(at, 4 * P, a)), E(madvise(at + 1, P, a)), E(madvise(at, 0, a)), E(madvise(at, -1, a)), E(madvise(at + 2 * P, P, a)), E(madvise(NULL, P, a));
        char *private = mmap(NULL, P, 3, MAP_PRIVATE, file, 0), *both = mmap(NULL, P, 3, MAP_SHARED, file, 0), *read = mmap(NULL, P, 1, MAP_SHARED, ro, 0), *none = mmap(NULL, P, 0, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (a != 21) E(madvise(private, P, a)), E(madvise(both, P, a)), E(madvise(read, P, a)), E(madvise(none, P, a)), mlock(at, P), E(madvise(at, P, a));
        munmap(private, P), munmap(both, P), munmap(read, P), munmap(none, P), gone(at);
    }
    printf("\nmsync:");
    at = fresh(3);
    for (int k = 0; k < 9; k++) E(msync(at, P, k)), E(msync(shared, P, k));
    E(msync(at + 1, P, MS_SYNC)), E(msync(at, 4 * P, MS_SYNC)), E(msync(at + 2 * P, P, MS_ASYNC)), E(msync(at, -1, MS_SYNC)), E(msync(at, 0, MS_SYNC));
    mlock(shared, P), E(msync(shared, P, MS_INVALIDATE)), E(msync(shared, P, MS_INVALIDATE | MS_SYNC)), munlock(shared, P);
    printf("\nmlock:");
    E(mlock(at, P)), E(mlock(at, 4 * P)), E(mlock(at + 2 * P, P)), E(mlock(at, -1)), E(mlock(at, 0)), E(mlock((void *)-P, P)), E(mlock2(at, P, 0)), E(mlock2(at, P, 1)), E(mlock2(at, P, 2)), E(munlock(at, 4 * P)), E(munlock(at, P)), E(munlock(at, -1));
    for (int k = 0; k < 9; k++)
        if (!(k & 1) && k != 2 && k != 6) E(mlockall(k));
    munlockall();
    printf("\nmincore:");
    unsigned char v[8];
    E(mincore(at + 1, P, v)), E(mincore(at, P, BAD)), E(mincore(at, 4 * P, v)), E(mincore(at, 0, v)), E(mincore((void *)(1L << 47), P, v)), E(mincore(at, -1, v)), E(mincore(at, P, NULL));
    printf("\nremap_file_pages:");
    char *all = mmap(NULL, 4 * P, 3, MAP_SHARED, file, 0);
    E(remap_file_pages(all, P, 0, 2, 0)), E(remap_file_pages(all, P, 1, 2, 0)), E(remap_file_pages(at, P, 0, 0, 0)), E(remap_file_pages(all, 0, 0, 1, 0)), E(remap_file_pages(all, P, 0, -1, 0)), E(remap_file_pages(all, 8 * P, 0, 1, 0));
    printf("\nbrk:");
    E(syscall(SYS_brk, 0) == syscall(SYS_brk, 0)), E(syscall(SYS_brk, 1) == syscall(SYS_brk, 0)), E(syscall(SYS_brk, -1) == syscall(SYS_brk, 0));
    printf("\nprocess_vm:");
    struct iovec local = {v, 8}, remote = {at, 8}, bad = {BAD, 8}, kernel = {(void *)-P, 8};
    E(process_vm_readv(getpid(), &local, 1, &remote, 1, 1)), E(process_vm_readv(getpid(), &local, 1, &bad, 1, 0)), E(process_vm_readv(getpid(), &bad, 1, &remote, 1, 0)), E(process_vm_readv(1 << 30, &local, 1, &remote, 1, 0)), E(process_vm_readv(getpid(), &local, 1025, &remote, 1, 0));
    E(process_vm_readv(getpid(), &local, 1, &remote, 1025, 0)), E(process_vm_readv(getpid(), &local, 0, &remote, 1, 0)), E(process_vm_readv(getpid(), &local, 1, &remote, 0, 0)), E(process_vm_readv(getpid(), BAD, 1, &remote, 1, 0)), E(process_vm_writev(getpid(), &local, 1, &kernel, 1, 0));
    printf("\nmembarrier:");
    for (int k = 3; k < 32; k++)
        if (k < 7 || k > 9) E(syscall(SYS_membarrier, 1u << k, 0, 0) > 0);
    E(syscall(SYS_membarrier, 0, 2, 0)), E(syscall(SYS_membarrier, 3, 0, 0)), E(syscall(SYS_membarrier, -1, 0, 0));
    printf("\nmemfd:");
    for (int k = 0; k < 32; k++)
        if (k != 2) E(({ int m = memfd_create("x", 1u << k); if (m >= 0) close(m), m = 0; m; }));
    char name[300];
    memset(name, 'x', 299), name[250] = 0, name[249] = 0;
    E(({ int m = memfd_create(name, 0); m < 0 ? -1 : 0; })), name[249] = 'x', E(({ int m = memfd_create(name, 0); m < 0 ? -1 : 0; })), E(memfd_create(BAD, 0)), E(({ int m = memfd_create("a/b", 24); m < 0 ? -1 : 0; }));
    puts("");
    return 0;
}

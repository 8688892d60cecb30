#include "t.h"

int main(void) {
    int f = OK(memfd_create("name", MFD_ALLOW_SEALING | MFD_CLOEXEC));
    SHOW(write(f, "hello", 5));
    SHOW(fcntl(f, F_GET_SEALS));
    SHOW(fcntl(f, F_ADD_SEALS, F_SEAL_SHRINK));
    SHOW(ftruncate(f, 2));
    SHOW(ftruncate(f, 20));
    SHOW(fcntl(f, F_ADD_SEALS, F_SEAL_GROW));
    SHOW(ftruncate(f, 30));
    SHOW(pwrite(f, "x", 1, 40));
    char *m = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0));
    SHOW(fcntl(f, F_ADD_SEALS, F_SEAL_WRITE));
    munmap(m, 4096);
    SHOW(fcntl(f, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL));
    SHOW(pwrite(f, "x", 1, 0));
    SHOW((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0));
    SHOW(fcntl(f, F_ADD_SEALS, F_SEAL_WRITE));
    SHOW(fcntl(f, F_GET_SEALS));
    int g = OK(memfd_create("", 0));
    SHOW(fcntl(g, F_GET_SEALS));
    SHOW(fcntl(g, F_ADD_SEALS, F_SEAL_WRITE));
    SHOW(memfd_create("x", 0x100));
    SHOW(memfd_create("x", -1));
    SHOW(memfd_create(NULL, MFD_HUGETLB | 0x100));
    SHOW(memfd_create("x", 0x10 | 0x8 | MFD_HUGETLB));
    SHOW(memfd_create((char *)8, MFD_HUGETLB));
    char name[300];
    memset(name, 'x', 299), name[299] = 0;
    SHOW(memfd_create(name, 0));
    SHOW(fcntl(0, F_GET_SEALS));
    char l[64] = {0}, p[64];
    sprintf(p, "/proc/self/fd/%d", f);
    readlink(p, l, 63);
    STR(l);
    return 0;
}

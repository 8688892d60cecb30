#include "t.h"

int main(void) {
    int fd = MUST(open("f", O_RDWR | O_CREAT, 0644));
    MUST(ftruncate(fd, 8192));
    char *m = MUST(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)), b[6] = {0};
    strcpy(m, "hello");
    MUST(pread(fd, b, 5, 0));
    STR(b);
    MUST(pwrite(fd, "HE", 2, 0));
    STR(m);
    if (fork() == 0) {
        strcpy(m + 4096, "child");
        _exit(0);
    }
    wait(NULL);
    STR(m + 4096);
    char *p = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 4096));
    STR(p);
    p[0] = 'C';
    STR(m + 4096);
    STR(p);
    SHOW(msync(m, 8192, MS_SYNC));
    SHOW(msync(m, 8192, MS_SYNC | MS_ASYNC));
    SHOW(msync(m + 1, 10, MS_SYNC));
    SHOW(munmap(m, 8192));
    SHOW(msync(m, 8192, MS_SYNC));
    close(fd);
    STR(p);
    char *an = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    if (fork() == 0) {
        strcpy(an, "anonymous");
        _exit(0);
    }
    wait(NULL);
    STR(an);
    return 0;
}

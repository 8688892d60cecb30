#include "t.h"

int main(void) {
    int *w = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pid_t c = fork();
    if (c == 0) {
        long r = syscall(SYS_futex, w, FUTEX_WAIT, 0, NULL, NULL, 0);
        printf("child %ld value %d\n", r, w[0]);
        _exit(0);
    }
    nap(30);
    w[0] = 7;
    while (syscall(SYS_futex, w, FUTEX_WAKE, 1, NULL, NULL, 0) == 0 && waitpid(c, NULL, WNOHANG) == 0) nap(5);
    SHOW(waitpid(c, NULL, 0) > 0 || errno == ECHILD);
    put("f", "0123456789012345");
    int fd = MUST(open("f", O_RDWR));
    MUST(ftruncate(fd, 4096));
    int *a = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    int *b = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    a[0] = 0;
    c = fork();
    if (c == 0) {
        struct timespec t = {5, 0};
        SHOW(syscall(SYS_futex, a, FUTEX_WAIT, 0, &t, NULL, 0));
        _exit(0);
    }
    while (syscall(SYS_futex, b, FUTEX_WAKE, 1, NULL, NULL, 0) == 0) nap(5);
    reap(c);
    return 0;
}

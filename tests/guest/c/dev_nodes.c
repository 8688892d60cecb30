#include "t.h"

int main(void) {
    char b[100];
    int n = MUST(open("/dev/null", O_RDWR)), z = MUST(open("/dev/zero", O_RDWR)), f = MUST(open("/dev/full", O_RDWR)), u = MUST(open("/dev/urandom", O_RDONLY));
    SHOW(read(n, b, 10)), SHOW(write(n, b, 10));
    b[5] = 7;
    SHOW(read(z, b, 10));
    VAL(b[5]);
    SHOW(write(z, b, 10)), SHOW(read(f, b, 10)), SHOW(write(f, b, 10)), SHOW(read(u, b, 100));
    char *m = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, z, 0));
    m[1] = 3;
    VAL(m[0]);
    m = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, z, 0));
    VAL(m[4095]);
    SHOW(lseek(n, 100, SEEK_SET)), SHOW(lseek(z, 0, SEEK_CUR)), SHOW(ftruncate(n, 0)), SHOW(isatty(n)), SHOW(ioctl(n, TCGETS, b));
    SHOW(open("/dev/tty", O_RDWR));
    SHOW(access("/dev/stdin", F_OK)), SHOW(access("/dev/fd/1", F_OK)), SHOW(access("/dev/shm", W_OK)), SHOW(access("/dev/pts", F_OK)), SHOW(access("/dev/ptmx", R_OK));
    struct pollfd p[3] = {{n, POLLIN | POLLOUT}, {z, POLLIN | POLLOUT}, {f, POLLIN | POLLOUT}};
    SHOW(poll(p, 3, 0));
    return 0;
}

#include "t.h"
/* Offsets of files that are addresses: all 64 bits of them, told as lseek(2) tells numbers. */

static void at(int fd, const char *name, long offset, int whence) {
    char page[4096];
    printf("%s %lx %d: ", name, offset, whence);
    MUST(syscall(SYS_lseek, fd, 3, SEEK_SET));
    for (int i = 0; i < 2; i++) {
        errno = 0;
        long got = syscall(SYS_lseek, fd, offset, whence);
        printf("%lx %s, ", got, errno ? strerror(errno) : "");
    }
    errno = 0;
    printf("read %ld", (long)read(fd, page, 8));
    printf(" %s, ", errno ? strerror(errno) : "");
    errno = 0;
    printf("pread %ld", (long)pread(fd, page, 8, offset));
    printf(" %s\n", errno ? strerror(errno) : "");
}

int main(void) {
    const char *names[] = {"/proc/self/mem", "/proc/self/pagemap", "/proc/self/maps"};
    long offsets[] = {-1, -8, -8192, LONG_MIN, LONG_MIN + 5, LONG_MAX - 4095, 1L << 62, 0};
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        int fd = MUST(open(names[n], O_RDONLY));
        for (size_t i = 0; offsets[i]; i++)
            for (int whence = SEEK_SET; whence <= SEEK_END; whence++)
                at(fd, names[n], offsets[i], whence);
        close(fd);
    }
    return 0;
}

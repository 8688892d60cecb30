#include "t.h"

/* A file that lies in memory whole, read in long pieces: at its end, into a buffer that ends, while it grows. */
int main(void) {
    static char text[60000], got[70000];
    for (int i = 0; i < 60000; i++) text[i] = 'a' + i % 23;
    int fd = MUST(open("f", O_RDWR | O_CREAT, 0644));
    SHOW(write(fd, text, 60000));
    SHOW(pread(fd, got, 65536, 0)), SHOW(memcmp(got, text, 60000));
    SHOW(pread(fd, got, 30000, 20001)), SHOW(memcmp(got, text + 20001, 30000));
    SHOW(pread(fd, got, 65536, 59000)), SHOW(memcmp(got, text + 59000, 1000));
    SHOW(pread(fd, got, 65536, 60000)), SHOW(pread(fd, got, 65536, 1000000));
    SHOW(lseek(fd, 10000, SEEK_SET)), SHOW(read(fd, got, 40000)), SHOW(read(fd, got, 40000)), SHOW(read(fd, got, 40000));
    SHOW(lseek(fd, 0, SEEK_CUR));
    char *part = mmap(0, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(part + 5 * 4096, 3 * 4096);
    SHOW(lseek(fd, 100, SEEK_SET)), SHOW(read(fd, part, 30000)), SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(memcmp(part, text + 100, 5 * 4096)), SHOW(pread(fd, part + 4096, 30000, 7)), SHOW(memcmp(part + 4096, text + 7, 4 * 4096));
    SHOW(pread(fd, part + 5 * 4096, 30000, 7));
    SHOW(pwrite(fd, text, 100, 60000)), SHOW(pread(fd, got, 65536, 100)), SHOW(memcmp(got + 59900, text, 100));
    SHOW(ftruncate(fd, 63000)), SHOW(pread(fd, got, 65536, 60000)), SHOW(got[100] + got[2999]);
    SHOW(ftruncate(fd, 50000)), SHOW(pread(fd, got, 65536, 0)), SHOW(pwrite(fd, text, 60000, 30000)), SHOW(pread(fd, got, 65536, 0));
    return 0;
}

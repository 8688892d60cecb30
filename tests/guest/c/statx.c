#include "t.h"

int main(void) {
    struct statx x;
    put("f", "12345");
    memset(&x, 0, sizeof x);
    SHOW(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &x));
    VAL((x.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS);
    printf("%o %u %llu %u %u\n", x.stx_mode, x.stx_nlink, x.stx_size, x.stx_uid, x.stx_gid);
    SHOW(statx(AT_FDCWD, "none", 0, STATX_ALL, &x));
    SHOW(statx(AT_FDCWD, "f", 0, STATX__RESERVED, &x));
    SHOW(statx(AT_FDCWD, "f", 0x10000000, STATX_ALL, &x));
    SHOW(statx(AT_FDCWD, "f", AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC, STATX_ALL, &x));
    SHOW(statx(AT_FDCWD, "", AT_EMPTY_PATH, STATX_TYPE, &x));
    VAL(S_ISDIR(x.stx_mode));
    SHOW(statx(AT_FDCWD, BAD, 0, STATX_ALL, &x));
    SHOW(statx(AT_FDCWD, "f", 0, STATX_ALL, BAD));
    int fd = MUST(open("f", O_RDONLY));
    SHOW(statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &x));
    VAL(x.stx_size);
    SHOW(statx(fd, "", 0, STATX_SIZE, &x));
    SHOW(statx(99, "", AT_EMPTY_PATH, STATX_SIZE, &x));
    MUST(symlink("f", "l"));
    SHOW(statx(AT_FDCWD, "l", AT_SYMLINK_NOFOLLOW, STATX_MODE, &x));
    VAL(S_ISLNK(x.stx_mode));
    return 0;
}

#include "t.h"

int main(void) {
    struct statfs s;
    put("f", "");
    SHOW(statfs(".", &s));
    VAL(s.f_bsize > 0 && s.f_blocks > 0 && s.f_namelen == 255);
    SHOW(statfs("none", &s)), SHOW(fstatfs(-1, &s)), SHOW(statfs("/proc", &s));
    printf("%lx\n", (long)s.f_type);
    int fd = open("f", O_RDWR);
    SHOW(fsync(fd)), SHOW(fdatasync(fd)), SHOW(syncfs(fd)), SHOW(sync_file_range(fd, 0, 0, 0)), SHOW(sync_file_range(fd, 0, 0, 99));
    int p[2];
    pipe(p);
    SHOW(fsync(p[0])), SHOW(syncfs(p[0]));
    sync();
    return 0;
}

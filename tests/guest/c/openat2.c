#include "t.h"

struct how { uint64_t flags, mode, resolve; };
static void try(const char *path, struct how h) {
    int dir = MUST(open("d", O_PATH));
    long r = syscall(SYS_openat2, dir, path, &h, sizeof h);
    printf("%s %lx: %s\n", path, (long)h.resolve, r < 0 ? ename(errno) : "ok");
    if (r >= 0) close(r);
    close(dir);
}
int main(void) {
    MUST(mkdir("d", 0755)), MUST(mkdir("d/in", 0755));
    put("d/f", ""), put("out", "");
    symlink("../out", "d/up"), symlink("f", "d/l"), symlink("/etc/passwd", "d/abs"), symlink("in", "d/dir");
    for (int r = 0; r < 0x20; r = r ? r * 2 : 4) {
        struct how h = {O_RDONLY, 0, r};
        try("f", h), try("l", h), try("up", h), try("../out", h), try("abs", h), try("in/../f", h), try("dir/../l", h), try("/etc/passwd", h);
    }
    try("f", (struct how){O_RDONLY, 0, 0x18});
    try("f", (struct how){O_RDONLY, 0, 0x100});
    try("f", (struct how){O_RDONLY, 0644, 0});
    try("f", (struct how){1UL << 40, 0, 0});
    try("n", (struct how){O_CREAT | O_RDWR, 0600, 8});
    try("in/../../x", (struct how){O_CREAT | O_RDWR, 0600, 8});
    struct how h = {0};
    SHOW(syscall(SYS_openat2, AT_FDCWD, "out", &h, 8));
    struct { struct how h; uint64_t more; } big = {{0}, 1};
    SHOW(syscall(SYS_openat2, AT_FDCWD, "out", &big, sizeof big));
    return 0;
}

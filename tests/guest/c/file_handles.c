// private admin
#include "t.h"
/* name_to_handle_at and open_by_handle_at. */

static struct {
    struct file_handle h;
    unsigned char room[128];
} u, v;
static int mount_id, other_id;
static int reopened(int at, int flags) {
    int fd = open_by_handle_at(at, &u.h, flags);
    if (fd < 0) return -1;
    close(fd);
    return 0;
}
int main(void) {
    MUST(mkdir("d", 0755)), put("d/f", "text"), MUST(symlink("d/f", "l"));
    int at = MUST(open(".", O_RDONLY)), file = MUST(open("d/f", O_RDONLY));
    SHOW(name_to_handle_at(AT_FDCWD, "d/f", &u.h, &mount_id, 0));
    VAL(u.h.handle_bytes > 0);
    unsigned size = u.h.handle_bytes;
    SHOW(name_to_handle_at(AT_FDCWD, "d/f", &u.h, &mount_id, 0));
    VAL(u.h.handle_bytes == size);
    u.h.handle_bytes = size - 1;
    SHOW(name_to_handle_at(AT_FDCWD, "d/f", &u.h, &mount_id, 0));
    u.h.handle_bytes = 129;
    SHOW(name_to_handle_at(AT_FDCWD, "d/f", &u.h, &mount_id, 0));
    u.h.handle_bytes = 128;
    SHOW(name_to_handle_at(AT_FDCWD, "d/f", &u.h, BAD, 0));
    SHOW(name_to_handle_at(AT_FDCWD, "d/f", BAD, &mount_id, 0));
    SHOW(name_to_handle_at(AT_FDCWD, "d/f", &u.h, &mount_id, 1 << 30));
    SHOW(name_to_handle_at(AT_FDCWD, "none", &u.h, &mount_id, 0));
    SHOW(name_to_handle_at(AT_FDCWD, "", &u.h, &mount_id, 0));
    SHOW(name_to_handle_at(77, "d/f", &u.h, &mount_id, 0));
    u.h.handle_bytes = 128;
    SHOW(name_to_handle_at(AT_FDCWD, "d/f", &u.h, &mount_id, 0));
    v.h.handle_bytes = 128;
    SHOW(name_to_handle_at(file, "", &v.h, &other_id, AT_EMPTY_PATH));
    VAL(mount_id == other_id && v.h.handle_bytes == u.h.handle_bytes && !memcmp(u.h.f_handle, v.h.f_handle, u.h.handle_bytes));
    SHOW(reopened(at, O_RDWR));
    SHOW(reopened(AT_FDCWD, O_RDONLY));
    SHOW(reopened(77, O_RDONLY));
    SHOW(reopened(at, O_DIRECTORY));
    SHOW(open_by_handle_at(at, BAD, O_RDONLY));
    int fd = MUST(open_by_handle_at(at, &u.h, O_RDWR));
    char b[8] = {0};
    SHOW(read(fd, b, 8));
    STR(b);
    struct stat one, two;
    fstat(fd, &one), fstat(file, &two);
    VAL(one.st_ino == two.st_ino);
    rename("d/f", "d/g");
    SHOW(reopened(at, O_RDONLY));
    unlink("d/g");
    SHOW(reopened(at, O_PATH));
    close(fd), close(file);
    unlink("d/g");
    SHOW(reopened(at, O_RDONLY));
    unsigned kept = u.h.handle_bytes;
    u.h.handle_bytes = 0;
    SHOW(reopened(at, O_RDONLY));
    u.h.handle_bytes = 129;
    SHOW(reopened(at, O_RDONLY));
    u.h.handle_bytes = 128;
    SHOW(name_to_handle_at(AT_FDCWD, "l", &u.h, &mount_id, 0));
    SHOW(reopened(at, O_RDONLY));
    SHOW(reopened(at, O_PATH));
    u.h.handle_bytes = 128;
    SHOW(name_to_handle_at(AT_FDCWD, "d", &u.h, &mount_id, 0));
    fd = MUST(open_by_handle_at(at, &u.h, O_RDONLY | O_DIRECTORY));
    int up = MUST(openat(fd, "..", O_RDONLY));
    fstat(up, &one), fstat(at, &two);
    VAL(one.st_ino == two.st_ino);
    u.h.handle_bytes = 128;
    SHOW(name_to_handle_at(AT_FDCWD, "/proc/version", &u.h, &mount_id, 0));
    setuid(7);
    u.h.handle_bytes = kept;
    SHOW(reopened(at, O_RDONLY));
    return 0;
}

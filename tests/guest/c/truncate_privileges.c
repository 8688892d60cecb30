// Opening with O_TRUNC clears set-user-ID and set-group-ID as a write does; descriptors that splice(2) does not take.
#include "t.h"

static void as(int uid, int gid, int flags, int mode, int writes, const char *what) {
    struct stat s;
    int fd = open("f", O_CREAT | O_WRONLY, 0600);
    MUST(write(fd, "abc", 3)), MUST(fchmod(fd, mode)), close(fd);
    fflush(stdout);
    if (!fork()) {
        MUST(setgroups(0, 0)), MUST(setresgid(gid, gid, gid)), MUST(setresuid(uid, uid, uid));
        fd = open("f", flags);
        if (writes) MUST(write(fd, "x", 1));
        if (fd < 0) printf("%s ", ename(errno));
        MUST(stat("f", &s));
        printf("%s by %d of %o: %o, %ld\n", what, uid, mode, s.st_mode & 07777, (long)s.st_size);
        exit(0);
    }
    wait(0);
}
static void splices(void) {
    int e = MUST(eventfd(5, EFD_NONBLOCK)), p[2];
    MUST(pipe(p));
    SHOW(splice(e, 0, p[1], 0, 8, 0));
    MUST(write(p[1], "12345678", 8));
    SHOW(splice(p[0], 0, e, 0, 8, 0)), SHOW(tee(e, p[1], 8, 0));
    SHOW(sendfile(p[1], e, 0, 8)), SHOW(copy_file_range(e, 0, e, 0, 8, 0));
    int d = MUST(open("/", O_RDONLY | O_DIRECTORY));
    SHOW(splice(d, 0, p[1], 0, 8, 0)), SHOW(splice(p[0], 0, d, 0, 8, 0));
    close(p[1]), close(e);
    SHOW(splice(d, 0, p[0], 0, 8, 0));
}
int main(void) {
    int modes[] = {06777, 02777, 02767, 04766, 06767};
    for (int i = 0; i < 5; i++) {
        as(1000, 1000, O_WRONLY | O_TRUNC, modes[i], 0, "truncated");
        as(1000, 0, O_WRONLY | O_TRUNC, modes[i], 0, "truncated in the group");
        as(0, 0, O_WRONLY | O_TRUNC, modes[i], 0, "truncated by root");
        as(1000, 1000, O_WRONLY, modes[i], 0, "opened");
        as(1000, 1000, O_WRONLY, modes[i], 1, "written");
    }
    splices();
    MUST(unlink("f"));
}

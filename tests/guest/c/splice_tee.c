#include "t.h"

int main(void) {
    int p[2], q[2], fd;
    char b[64] = {0};
    put("f", "0123456789");
    MUST(pipe(p)), MUST(pipe(q));
    fd = MUST(open("f", O_RDWR));
    loff_t at = 2;
    SHOW(splice(fd, &at, p[1], NULL, 4, 0));
    VAL(at);
    SHOW(tee(p[0], q[1], 10, 0));
    SHOW(read(q[0], b, 10));
    STR(b);
    int out = MUST(open("g", O_RDWR | O_CREAT, 0600));
    SHOW(splice(p[0], NULL, out, NULL, 100, 0));
    SHOW(splice(p[0], NULL, out, NULL, 100, SPLICE_F_NONBLOCK));
    SHOW(splice(fd, NULL, out, NULL, 10, 0));
    SHOW(splice(fd, NULL, p[1], &at, 10, 0));
    SHOW(splice(99, NULL, p[1], NULL, 10, 0));
    SHOW(splice(fd, NULL, p[1], NULL, 10, 0x100));
    SHOW(tee(fd, q[1], 10, 0));
    SHOW(tee(p[0], p[1], 10, 0));
    struct iovec v = {"vmspliced", 9};
    SHOW(vmsplice(q[1], &v, 1, 0));
    memset(b, 0, sizeof b);
    read(q[0], b, 20);
    STR(b);
    off_t o = 5;
    SHOW(sendfile(out, fd, &o, 3));
    VAL(o);
    SHOW(sendfile(out, fd, NULL, 100));
    SHOW(sendfile(out, fd, NULL, 100));
    SHOW(sendfile(out, p[0], NULL, 1));
    SHOW(sendfile(99, fd, NULL, 1));
    SHOW(sendfile(out, fd, BAD, 1));
    loff_t a = 0, c = 20;
    SHOW(copy_file_range(fd, &a, out, &c, 4, 0));
    printf("%ld %ld\n", a, c);
    SHOW(copy_file_range(fd, &a, out, &c, 4, 1));
    SHOW(copy_file_range(fd, &a, p[1], NULL, 4, 0));
    return 0;
}

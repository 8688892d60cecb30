// admin
// /dev/kmsg: records, places and errors. Nothing is written: natively it is the machine's own log.
#include "t.h"

int main(void) {
    char b[8192];
    int f = MUST(open("/dev/kmsg", O_RDONLY | O_NONBLOCK));
    struct stat s;
    MUST(fstat(f, &s)), printf("%o %x\n", s.st_mode, (int)s.st_rdev);
    SHOW(lseek(f, 0, SEEK_SET)), SHOW(read(f, b, 5));
    long n = read(f, b, sizeof b - 1);
    unsigned priority;
    unsigned long long number, when;
    char kind;
    b[n > 0 ? n : 0] = 0;
    VAL(sscanf(b, "%u,%llu,%llu,%c", &priority, &number, &when, &kind)), VAL(strchr(b, ';') != 0), VAL(b[n - 1] == '\n');
    n = read(f, b, sizeof b - 1), b[n] = 0;
    unsigned long long next = 0;
    sscanf(b, "%u,%llu", &priority, &next), VAL(next - number);
    struct pollfd p = {f, POLLIN | POLLOUT};
    MUST(lseek(f, 0, SEEK_SET)), VAL(poll(&p, 1, 0)), VAL(p.revents);
    SHOW(lseek(f, 1, SEEK_SET)), SHOW(lseek(f, 0, SEEK_CUR)), SHOW(lseek(f, 0, SEEK_DATA)), SHOW(lseek(f, 0, SEEK_HOLE)), SHOW(lseek(f, 1, SEEK_END));
    SHOW(lseek(f, 0, SEEK_END)), SHOW(read(f, b, sizeof b)), VAL(poll(&p, 1, 0)), SHOW(write(f, "x", 1));
    int e = MUST(epoll_create1(0));
    struct epoll_event v = {EPOLLIN};
    SHOW(epoll_ctl(e, EPOLL_CTL_ADD, f, &v));
    int w = MUST(open("/dev/kmsg", O_WRONLY));
    SHOW(read(w, b, 10)), SHOW(write(w, b, 2000)); // too long
    struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct d[2] = {{0}};
    MUST(syscall(SYS_capset, &h, d));
    MUST(open("/dev/kmsg", O_WRONLY));
    return 0;
}

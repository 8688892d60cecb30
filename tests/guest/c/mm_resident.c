#include "t.h"

/* What /proc says of memory that is touched and given back. */
static long field(const char *name) {
    static char b[8192];
    int fd = MUST(open("/proc/self/status", O_RDONLY));
    int n = MUST(read(fd, b, sizeof b - 1));
    close(fd);
    b[n] = 0;
    char *p = strstr(b, name);
    return p ? atol(p + strlen(name) + 1) : -1;
}
static int near(long kb, long wanted) { return kb > wanted - 1024 && kb < wanted + 1024; }
int main(void) {
    size_t n = 32 << 20;
    long size = field("VmSize"), resident = field("VmRSS"), data = field("VmData"), locked = field("VmLck");
    VAL(resident > 400 && resident < size);
    VAL(locked);
    char *p = MUST(mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    VAL(field("VmSize") - size);
    VAL(field("VmData") - data);
    VAL(near(field("VmRSS") - resident, 0));
    memset(p, 1, n);
    VAL(near(field("VmRSS") - resident, n >> 10));
    MUST(mlock(p, 1 << 20));
    VAL(field("VmLck"));
    MUST(munlock(p, 1 << 20));
    MUST(madvise(p, n / 2, MADV_DONTNEED));
    VAL(near(field("VmRSS") - resident, n >> 11));
    VAL(near(field("VmHWM") - resident, n >> 10));
    MUST(mprotect(p, n, PROT_READ));
    VAL(field("VmData") - data);
    MUST(munmap(p, n));
    VAL(near(field("VmRSS") - resident, 0));
    VAL(field("VmSize") - size);
    VAL(field("VmPeak") - size >= n >> 10);
    VAL(field("VmStk"));
    return 0;
}

/* IORING_SETUP_NO_MMAP: rings in the program's own memory; IORING_SETUP_REGISTERED_FD_ONLY. */
#include "uring.h"

enum { NO_MMAP = 1 << 14, REGISTERED_ONLY = 1 << 15 };
static char *m;

static void fresh(void) {
    m = MUST(mmap(m, 1 << 18, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | (m ? MAP_FIXED : 0), -1, 0));
}

static struct ring made(const char *what, unsigned entries, unsigned flags, char *rings, char *sqes) {
    struct ring r = {.p = {.flags = NO_MMAP | flags}, .rings = rings, .sqes = (void *)sqes};
    r.p.cq.addr = (uintptr_t)rings, r.p.sq.addr = (uintptr_t)sqes;
    errno = 0;
    r.fd = uring_setup(entries, &r.p);
    printf("%s: %s", what, r.fd < 0 ? ename(errno) : "ok");
    if (r.fd >= 0)
        printf(" %u %u %x, array %u, kept %d", r.p.sq_entries, r.p.cq_entries, r.p.flags, r.p.sq.word[6],
               r.p.cq.addr == (uintptr_t)rings && r.p.sq.addr == (uintptr_t)sqes);
    printf("\n");
    return r;
}

static void use(struct ring r) {
    if (r.fd < 0) return;
    for (int i = 0; i < 3; i++) add(&r, NOP, 0, NULL, 0, 0, 70 + i), go(&r, 1);
    put("f", "0123456789");
    int fd = open("f", O_RDONLY);
    add(&r, READ, fd, m + (1 << 17), 8, 2, 80), go(&r, 1);
    printf("%.8s\n", m + (1 << 17));
    printf("mapped %s\n", mmap(NULL, 4096, PROT_READ, MAP_SHARED, r.fd, 0) == MAP_FAILED ? ename(errno) : "ok");
    close(fd), close(r.fd);
    printf("after it is closed: %u %u\n", CQ_TAIL(&r), SQ_HEAD(&r));
    CQ_TAIL(&r) = 5;
    printf("%u\n", CQ_TAIL(&r));
}

int main(void) {
    fresh();
    memcpy(m + 4000, "rest", 5);
    struct ring r = made("plain", 8, 0, m, m + 4096);
    printf("%s %d\n", m + 4000, m[4096 + 600]);
    use(r);
    fresh(), use(made("no array", 8, S_NO_SQARRAY, m, m + 4096));
    fresh(), use(made("large entries", 8, S_SQE128 | S_CQE32, m, m + 8192));
    fresh(), use(made("apart", 4, S_CQSIZE * 0, m + 65536, m));
    fresh(), made("nowhere", 8, 0, NULL, m), made("nowhere", 8, 0, m, NULL), made("unaligned", 8, 0, m + 8, m + 4096), made("unaligned", 8, 0, m, m + 4100);
    mprotect(m, 4096, PROT_READ), made("read-only", 8, 0, m, m + 4096);
    fresh(), mprotect(m + 4096, 4096, PROT_NONE), made("not there", 8, 0, m, m + 4096);
    fresh(), munmap(m + (1 << 17), 1 << 17), made("end of it", 8, 0, m, m + (1 << 17));
    fresh(), made("no entries", 0, 0, m, m + 4096), made("known", 8, 1 << 25, m, m + 4096);
    struct params p = {.flags = REGISTERED_ONLY};
    SHOW(uring_setup(8, &p));
    fresh(), r = made("registered", 8, REGISTERED_ONLY, m, m + 4096);
    printf("number %d\n", r.fd);
    add(&r, NOP, 0, NULL, 0, 0, 90);
    SHOW(uring_enter(r.fd, 1, 1, GETEVENTS | REGISTERED_RING, NULL, 8)), completions(&r, 0);
    struct { uint32_t offset, resv; uint64_t data; } u = {r.fd};
    SHOW(uring_register(r.fd, 21 | 1u << 31, &u, 1)), SHOW(uring_enter(r.fd, 0, 0, REGISTERED_RING, NULL, 8));
    return 0;
}

#include "uring.h"

static void setup(unsigned entries, unsigned flags, unsigned cq) {
    struct params p = {.flags = flags, .cq_entries = cq};
    int fd = uring_setup(entries, &p);
    printf("setup(%u, %#x, %u): %s", entries, flags, cq, fd < 0 ? ename(errno) : "ok");
    if (fd >= 0) {
        printf(" sq %u cq %u array %d features %x", p.sq_entries, p.cq_entries, p.sq.word[6] != 0, p.features & 0x3bff);
        printf(" cloexec %d", fcntl(fd, F_GETFD));
        close(fd);
    }
    puts("");
}

int main(void) {
    unsigned counts[] = {0, 1, 2, 3, 4, 5, 100, 4096, 32768, 32769, 0xffffffff};
    for (int i = 0; i < 11; i++) setup(counts[i], 0, 0), setup(counts[i], S_CLAMP, 0);
    setup(8, S_CQSIZE, 0), setup(8, S_CQSIZE, 4), setup(8, S_CQSIZE, 8), setup(8, S_CQSIZE, 33), setup(8, S_CQSIZE, 65537);
    setup(8, S_CQSIZE | S_CLAMP, 65537), setup(8, S_SQE128 | S_CQE32, 0), setup(8, S_SUBMIT_ALL, 0);
    setup(8, S_COOP, 0), setup(8, S_TASKRUN, 0), setup(8, S_COOP | S_TASKRUN, 0), setup(8, S_DEFER, 0), setup(8, S_SINGLE, 0);
    setup(8, S_SINGLE | S_DEFER, 0), setup(8, S_SINGLE | S_DEFER | S_TASKRUN, 0), setup(8, S_NO_SQARRAY, 0);
    setup(8, S_SQ_AFF, 0), setup(8, 1u << 31, 0), setup(8, 1 << 15, 0), setup(8, S_IOPOLL, 0), setup(8, S_R_DISABLED, 0);
    SHOW(uring_setup(8, BAD));
    struct params p = {.resv = {0, 1}};
    SHOW(uring_setup(8, &p));
    p = (struct params){.flags = S_ATTACH_WQ, .wq_fd = 99};
    SHOW(uring_setup(8, &p));
    p.wq_fd = 0;
    SHOW(uring_setup(8, &p));

    struct ring r = open_ring(8, 0);
    p = (struct params){.flags = S_ATTACH_WQ, .wq_fd = r.fd};
    OK(uring_setup(8, &p));
    char b[64];
    SHOW(read(r.fd, b, 1));
    SHOW(write(r.fd, b, 1));
    SHOW(lseek(r.fd, 0, SEEK_CUR));
    struct stat st;
    SHOW(fstat(r.fd, &st));
    char link[64] = {0}, name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", r.fd);
    SHOW(readlink(name, link, 63));
    puts(link);
    SHOW(uring_enter(r.fd, 0, 0, 0, NULL, 0));
    SHOW(uring_enter(r.fd, 0, 0, GETEVENTS, NULL, 0));
    SHOW(uring_enter(r.fd, 0, 0, 1 << 20, NULL, 0));
    SHOW(uring_enter(99, 0, 0, 0, NULL, 0));
    SHOW(uring_enter(0, 0, 0, 0, NULL, 0));
    SHOW(uring_enter(r.fd, 0, 1, GETEVENTS | EXT_ARG, NULL, 0));
    SHOW(uring_enter(r.fd, 0, 1, GETEVENTS | EXT_ARG, BAD, 24));
    SHOW(uring_enter(r.fd, 3, 0, 0, NULL, 0));
    SHOW(uring_enter(0, 0, 0, REGISTERED_RING, NULL, 0));
    SHOW(uring_enter(99, 0, 0, REGISTERED_RING, NULL, 0));
    VAL(mmap(NULL, 4096, PROT_READ, MAP_SHARED, r.fd, 0x8000000) != MAP_FAILED);
    SHOW(mmap(NULL, 4096, PROT_READ, MAP_SHARED, r.fd, 0x20000000));
    VAL(WORD(&r, sq, 2)), VAL(WORD(&r, sq, 3)), VAL(WORD(&r, cq, 2)), VAL(WORD(&r, cq, 3));

    /* disabled until it is enabled */
    struct ring d = open_ring(4, S_R_DISABLED);
    add(&d, NOP, -1, NULL, 0, 0, 1);
    SHOW(submit(&d, 1));
    SHOW(uring_register(d.fd, 12, NULL, 0));
    SHOW(uring_register(d.fd, 12, NULL, 0));
    SHOW(uring_enter(d.fd, 1, 1, GETEVENTS, NULL, 8));
    completions(&d, 1);

    /* the mapping keeps the ring: its number may go */
    add(&r, NOP, -1, NULL, 0, 0, 2);
    int copy = dup(r.fd);
    close(r.fd);
    r.fd = copy;
    go(&r, 1);
    close(copy);
    SQ_TAIL(&r) += 1;
    VAL(SQ_TAIL(&r) - SQ_HEAD(&r));
    return 0;
}

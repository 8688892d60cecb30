/* IOU_PBUF_RING_MMAP: rings of buffers that the kernel allocates and the program maps. */
#include "uring.h"

struct reg {
    uint64_t addr;
    uint32_t entries;
    uint16_t bgid, flags;
    uint64_t resv[3];
};
struct buf {
    uint64_t addr;
    uint32_t len;
    uint16_t bid, tail;
};

static char room[4][64];

int main(void) {
    struct ring r = open_ring(8, 0);
    struct reg g = {0, 4, 7, 1};
    uint64_t off = 0x80000000ull | 7ull << 16;
    printf("%s\n", mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, r.fd, off) == MAP_FAILED ? ename(errno) : "ok");
    SHOW(uring_register(r.fd, 22, &g, 1)), SHOW(uring_register(r.fd, 22, &g, 1));
    struct buf *b = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, r.fd, off));
    put("f", "0123456789");
    int fd = MUST(open("f", O_RDONLY));
    add(&r, READ, fd, NULL, 4, 0, 1)->flags = BUFFER_SELECT, r.sqes[0].buf_index = 7, go(&r, 1);
    for (int i = 0; i < 3; i++) b[i].addr = (uintptr_t)room[i], b[i].len = 64, b[i].bid = 20 + i;
    __atomic_store_n(&b[0].tail, 3, __ATOMIC_RELEASE);
    for (int i = 0; i < 4; i++) {
        struct sqe *s = add(&r, READ, fd, NULL, 4, i, 10 + i);
        s->flags = BUFFER_SELECT, s->buf_index = 7, go(&r, 1);
    }
    for (int i = 0; i < 3; i++) printf("%.4s\n", room[i]);
    g = (struct reg){0, 3, 8, 1}, SHOW(uring_register(r.fd, 22, &g, 1));
    g = (struct reg){0, 65536, 8, 1}, SHOW(uring_register(r.fd, 22, &g, 1));
    g = (struct reg){0, 1024, 8, 1}, SHOW(uring_register(r.fd, 22, &g, 1));
    char *big = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, r.fd, 0x80000000ull | 8ull << 16);
    printf("%d %s\n", big != MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, r.fd, 0x80000000ull | 9ull << 16) == MAP_FAILED ? ename(errno) : "ok");
    big[16383] = 1;
    g = (struct reg){0, 0, 7}, SHOW(uring_register(r.fd, 23, &g, 1)), SHOW(uring_register(r.fd, 23, &g, 1));
    b[3].len = 5, printf("still there %u\n", b[3].len);
    printf("%s\n", mmap(NULL, 4096, PROT_READ, MAP_SHARED, r.fd, off) == MAP_FAILED ? ename(errno) : "ok");
    struct sqe *s = add(&r, READ, fd, NULL, 4, 0, 30);
    s->flags = BUFFER_SELECT, s->buf_index = 7, go(&r, 1);
    return 0;
}

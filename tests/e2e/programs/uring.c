#include "../../guest/c/uring.h"
/* Threads that write anything anywhere into the rings while entries are taken, waited for, and the ring goes away. */

static struct ring *volatile now;
static volatile int stop;
static uint32_t seed = 1;

static uint32_t chance(void) {
    seed ^= seed << 13, seed ^= seed >> 17, seed ^= seed << 5;
    return seed;
}
static void *scribbles(void *arg) {
    uint32_t x = 12345;
    while (!stop) {
        struct ring *r = now;
        if (r)
            for (int i = 0; i < 200; i++) {
                x ^= x << 13, x ^= x >> 17, x ^= x << 5;
                if (x & 16) ((volatile uint32_t *)r->rings)[x >> 8 & 15] = x;
                else ((volatile uint32_t *)r->sqes)[x >> 8 & 127] = x >> 5;
            }
        sched_yield();
    }
    return NULL;
}
static void *enters(void *arg) {
    uint32_t x = 777;
    struct ext {
        uint64_t mask;
        uint32_t size, pad;
        uint64_t ts;
    } e = {0};
    struct __kernel_timespec soon = {0, MS};
    e.ts = (uintptr_t)&soon;
    while (!stop) {
        struct ring *r = now;
        x = x * 1103515245 + 12345;
        if (r) uring_enter(r->fd, x >> 16 & 15, x >> 20 & 3, GETEVENTS | EXT_ARG, &e, sizeof e);
        sched_yield();
    }
    return NULL;
}

int main(void) {
    pthread_t th[2];
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files = {64, 64};
    setrlimit(RLIMIT_NOFILE, &files);
    int null = open("/dev/null", O_RDWR), out = fcntl(1, F_DUPFD, 55);
    for (int i = 0; i < 20; i++) dup2(null, i);
    pthread_create(&th[0], NULL, scribbles, NULL);
    pthread_create(&th[1], NULL, enters, NULL);
    static struct ring r;
    for (int round = 0; round < 15; round++) {
        struct params p = {.flags = round & 1 ? S_SUBMIT_ALL : 0};
        int fd = uring_setup(8, &p);
        if (fd < 0) {
            for (int i = 20; i < 50; i++) close(i);
            continue;
        }
        r = (struct ring){.fd = dup2(fd, 50), .p = p};
        close(fd);
        map_ring(&r);
        now = &r;
        for (int i = 0; i < 150; i++) {
            struct sqe *s = add(&r, chance() % 46, chance() % 24, r.rings, chance() & 63, chance() & 3 ? 0 : chance(), chance() & 7);
            s->flags = chance() & chance() & 0xff;
            if (s->opcode == UNLINKAT || s->opcode == CLOSE || s->opcode == RENAMEAT) s->opcode = NOP;
            struct __kernel_timespec t = {0, 100000};
            if (s->opcode == TIMEOUT) s->addr = (uintptr_t)&t, s->len = 1;
            uring_enter(r.fd, chance() & 7, 0, 0, NULL, 0);
            CQ_HEAD(&r) = CQ_TAIL(&r);
        }
        now = NULL;
        nap(2);
        if (round % 3) munmap(r.sqes, 64 * 8), munmap(r.rings, r.size);
        close(50);
    }
    stop = 1;
    pthread_join(th[0], NULL), pthread_join(th[1], NULL);
    write(out, "done\n", 5);
    return 0;
}

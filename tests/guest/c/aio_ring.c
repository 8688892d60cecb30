// The ring behind a context's number: events are taken out of it without a call, and the calls follow (fs/aio.c: struct aio_ring).
#include "t.h"
#include <linux/aio_abi.h>

struct ring {
    unsigned id, nr, head, tail, magic, compat, incompat, header;
    struct io_event events[];
};
static aio_context_t ctx, other;
static volatile struct ring *r;

static long submit(aio_context_t c, int fd, int data) {
    static char byte[1];
    struct iocb b = {.aio_data = data, .aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = fd, .aio_buf = (uintptr_t)byte, .aio_nbytes = 1};
    struct iocb *v[1] = {&b};
    return syscall(SYS_io_submit, c, 1, v);
}
static void state(const char *what) { printf("%s: head %u tail %u\n", what, r->head, r->tail); }
static void get(long most) {
    struct io_event e[8];
    struct timespec zero = {0, 0};
    long n = syscall(SYS_io_getevents, ctx, 0, most, e, &zero);
    printf("got %ld:", n);
    for (long i = 0; i < n; i++) printf(" %llu", e[i].data);
    printf("\n");
}

int main(void) {
    int fd = memfd_create("x", 0);
    write(fd, "abc", 3);
    SHOW(syscall(SYS_io_setup, 8, &ctx));
    r = (void *)ctx;
    VAL(r->magic == 0xa10a10a1);
    VAL(r->id);
    VAL(r->compat);
    VAL(r->incompat);
    VAL(r->header);
    VAL((r->nr + 1) % 128 == 0);
    SHOW(syscall(SYS_io_setup, 8, &other));
    VAL(((struct ring *)other)->id);
    state("new");
    for (int i = 1; i <= 5; i++) submit(ctx, fd, i);
    state("five");
    printf("%llu %lld, %llu\n", r->events[0].data, r->events[0].res, r->events[4].data);
    r->head = 2;
    get(2);
    state("two taken, two fetched");
    r->head = r->tail;
    get(8);
    // As many again as it has places, taken without a call: none is refused.
    unsigned nr = r->nr, lost = 0;
    for (unsigned i = 0; i < 2 * nr; i++) {
        if (submit(ctx, fd, i) != 1 || r->events[r->head].data != i) lost++;
        r->head = (r->head + 1) % nr;
    }
    VAL(lost);
    VAL(r->head == r->tail);
    unsigned full = 0;
    while (submit(ctx, fd, 7) == 1) full++;
    VAL(full > nr / 2);
    SHOW(submit(ctx, fd, 7));
    r->head = r->tail;
    SHOW(submit(ctx, fd, 7));
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps))
        if (strstr(line, "[aio]")) printf("%.4s %s", strchr(line, ' ') + 1, strchr(line, '/'));
    // A child has the ring, but not the context.
    pid_t child = fork();
    if (!child) {
        SHOW(r->magic == 0xa10a10a1);
        get(1);
        fflush(stdout);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    SHOW(syscall(SYS_io_destroy, ctx));
    unsigned char in;
    SHOW(mincore((void *)ctx, 4096, &in));
    return 0;
}

// Whose ring is at a context's number: it says so itself, moves with its mapping, and is nobody's where it is not mapped (fs/aio.c: lookup_ioctx).
#include "t.h"
#include <linux/aio_abi.h>

struct ring {
    unsigned id, nr, head, tail, magic, compat, incompat, header;
    struct io_event events[];
};
static int file;

static long submit(aio_context_t c) {
    static char byte[1];
    struct iocb b = {.aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = file, .aio_buf = (uintptr_t)byte, .aio_nbytes = 1};
    struct iocb *v[1] = {&b};
    return syscall(SYS_io_submit, c, 1, v);
}
static long get(aio_context_t c) {
    struct io_event e[8];
    struct timespec zero = {0, 0};
    return syscall(SYS_io_getevents, c, 0, 8, e, &zero);
}
static long asked_for(void) {
    char text[32] = "";
    int fd = open("/proc/sys/fs/aio-nr", O_RDONLY);
    read(fd, text, sizeof text - 1);
    close(fd);
    return atol(text);
}
static size_t size_of(aio_context_t c) { return (32 + 32ul * ((struct ring *)c)->nr + 4095) & ~4095ul; }

int main(void) {
    file = memfd_create("x", 0);
    write(file, "abc", 3);
    aio_context_t ctx = 0, second = 0;
    SHOW(syscall(SYS_io_setup, 8, &ctx));
    SHOW(syscall(SYS_io_setup, 8, &second));
    volatile struct ring *r = (void *)ctx;
    for (unsigned id = 0; id < 3; id++) {
        r->id = id;
        VAL(id);
        SHOW(submit(ctx));
        SHOW(get(ctx));
    }
    r->id = 0x80000000;
    SHOW(submit(ctx));
    SHOW(syscall(SYS_io_destroy, ctx));
    r->id = 0;
    SHOW(mprotect((void *)ctx, 4096, PROT_READ));
    SHOW(submit(ctx));
    SHOW(mprotect((void *)ctx, 4096, PROT_NONE));
    SHOW(submit(ctx));
    SHOW(get(ctx));
    SHOW(syscall(SYS_io_destroy, ctx));
    SHOW(mprotect((void *)ctx, 4096, PROT_READ | PROT_WRITE));
    SHOW(get(ctx));

    size_t size = size_of(ctx);
    char *to = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    VAL(mremap((void *)ctx, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
    SHOW(submit(ctx));
    SHOW(submit((aio_context_t)to));
    VAL(((struct ring *)to)->tail > 0);
    SHOW(get((aio_context_t)to));
    SHOW(syscall(SYS_io_destroy, ctx));
    SHOW(syscall(SYS_io_destroy, (aio_context_t)to));
    SHOW(submit((aio_context_t)to));

    // What is mapped in its place is no ring, whatever it looks like; a new one may lie there.
    struct ring copy = *(struct ring *)second;
    SHOW(munmap((void *)second, size));
    SHOW(submit(second));
    VAL(mmap((void *)second, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == (void *)second);
    *(struct ring *)second = copy;
    ((struct ring *)second)->id = 9;
    SHOW(submit(second));
    ((struct ring *)second)->id = 1;
    SHOW(submit(second));
    SHOW(syscall(SYS_io_destroy, second));
    SHOW(submit(second));

    // Those whose rings are gone count until the process ends.
    fflush(stdout);
    long before = asked_for();
    pid_t child = fork();
    if (!child) {
        for (int n = 0; n < 500; n++) {
            aio_context_t one = 0;
            if (syscall(SYS_io_setup, 64, &one)) SHOW(-1);
            munmap((void *)one, size_of(one));
        }
        VAL(asked_for() - before > 20000);
        fflush(stdout);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    for (int n = 0; n < 2000 && asked_for() - before > 10000; n++) usleep(1000);
    VAL(asked_for() - before > 10000);
    return 0;
}

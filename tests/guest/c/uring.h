/* A ring by its bare system calls. */
#include "t.h"
#include <linux/time_types.h>

struct sqe {
    uint8_t opcode, flags;
    uint16_t ioprio;
    int32_t fd;
    uint64_t off, addr;
    uint32_t len, op_flags;
    uint64_t user_data;
    uint16_t buf_index, personality;
    uint32_t file_index;
    uint64_t addr3, pad;
};
struct cqe {
    uint64_t user_data;
    int32_t res;
    uint32_t flags;
};
struct offsets {
    uint32_t word[8];
    uint64_t addr;
};
struct params {
    uint32_t sq_entries, cq_entries, flags, sq_thread_cpu, sq_thread_idle, features, wq_fd, resv[3];
    struct offsets sq, cq;
};
enum {
    NOP, READV, WRITEV, FSYNC, READ_FIXED, WRITE_FIXED, POLL_ADD, POLL_REMOVE, SYNC_FILE_RANGE, SENDMSG, RECVMSG, TIMEOUT,
    TIMEOUT_REMOVE, ACCEPT, ASYNC_CANCEL, LINK_TIMEOUT, CONNECT, FALLOCATE, OPENAT, CLOSE, FILES_UPDATE, STATX, READ, WRITE,
    FADVISE, MADVISE, SEND, RECV, OPENAT2, EPOLL_CTL, SPLICE, PROVIDE_BUFFERS, REMOVE_BUFFERS, TEE, SHUTDOWN, RENAMEAT,
    UNLINKAT, MKDIRAT, SYMLINKAT, LINKAT, MSG_RING, FSETXATTR, SETXATTR, FGETXATTR, GETXATTR, SOCKET
};
enum { FIXED_FILE = 1, DRAIN = 2, LINK = 4, HARDLINK = 8, ASYNC = 16, BUFFER_SELECT = 32, SKIP_SUCCESS = 64 };
enum { GETEVENTS = 1, SQ_WAKEUP = 2, EXT_ARG = 8, REGISTERED_RING = 16 };
enum {
    S_IOPOLL = 1, S_SQPOLL = 2, S_SQ_AFF = 4, S_CQSIZE = 8, S_CLAMP = 16, S_ATTACH_WQ = 32, S_R_DISABLED = 64,
    S_SUBMIT_ALL = 128, S_COOP = 256, S_TASKRUN = 512, S_SQE128 = 1024, S_CQE32 = 2048, S_SINGLE = 4096, S_DEFER = 8192,
    S_NO_SQARRAY = 1 << 16
};

struct ring {
    int fd;
    struct params p;
    char *rings;
    size_t size;
    struct sqe *sqes;
    unsigned tail; /* of what was put, not submitted */
    unsigned put;
};

static long uring_setup(unsigned n, void *p) { return syscall(425, n, p); }
static long uring_enter(int fd, unsigned n, unsigned min, unsigned flags, void *arg, size_t size) {
    return syscall(426, fd, n, min, flags, arg, size);
}
static long uring_register(int fd, unsigned op, void *arg, unsigned n) { return syscall(427, fd, op, arg, n); }

#define WORD(r, which, n) (*(volatile unsigned *)((r)->rings + (r)->p.which.word[n]))
#define SQ_HEAD(r) WORD(r, sq, 0)
#define SQ_TAIL(r) WORD(r, sq, 1)
#define SQ_FLAGS(r) WORD(r, sq, 4)
#define SQ_DROPPED(r) WORD(r, sq, 5)
#define CQ_HEAD(r) WORD(r, cq, 0)
#define CQ_TAIL(r) WORD(r, cq, 1)
#define CQ_OVERFLOW(r) WORD(r, cq, 4)
#define CQ_FLAGS(r) WORD(r, cq, 6)

static void map_ring(struct ring *r) {
    size_t sq = r->p.sq.word[6] ? r->p.sq.word[6] + 4 * r->p.sq_entries : 0;
    size_t cq = r->p.cq.word[5] + (r->p.flags & S_CQE32 ? 32 : 16) * r->p.cq_entries;
    r->size = sq > cq ? sq : cq;
    r->rings = MUST(mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd, 0));
    size_t size = (r->p.flags & S_SQE128 ? 128 : 64) * r->p.sq_entries;
    r->sqes = MUST(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd, 0x10000000));
}
static struct ring open_ring(unsigned entries, unsigned flags) {
    struct ring r = {.p = {.flags = flags}};
    r.fd = MUST(uring_setup(entries, &r.p));
    map_ring(&r);
    return r;
}
/* The next entry, zeroed. */
/* An entry that is not there yet for a kernel that looks by itself, until `publish`. */
static struct sqe *prepare(struct ring *r, int opcode, int fd, void *addr, unsigned len, uint64_t off, uint64_t data) {
    unsigned index = r->tail++ & (r->p.sq_entries - 1);
    struct sqe *s = (void *)((char *)r->sqes + (r->p.flags & S_SQE128 ? 128 : 64) * index);
    memset(s, 0, sizeof *s);
    s->opcode = opcode, s->fd = fd, s->addr = (uintptr_t)addr, s->len = len, s->off = off, s->user_data = data;
    if (r->p.sq.word[6]) ((unsigned *)(r->rings + r->p.sq.word[6]))[index] = index;
    r->put++;
    return s;
}
static void publish(struct ring *r) { __atomic_store_n(&SQ_TAIL(r), r->tail, __ATOMIC_RELEASE); }
static struct sqe *add(struct ring *r, int opcode, int fd, void *addr, unsigned len, uint64_t off, uint64_t data) {
    struct sqe *s = prepare(r, opcode, fd, addr, len, off, data);
    publish(r);
    return s;
}
static long submit(struct ring *r, unsigned wait) {
    unsigned n = r->put;
    r->put = 0;
    return uring_enter(r->fd, n, wait, wait ? GETEVENTS : 0, NULL, 8);
}
static struct cqe *peek(struct ring *r) {
    if (CQ_HEAD(r) == __atomic_load_n(&CQ_TAIL(r), __ATOMIC_ACQUIRE)) return NULL;
    size_t size = r->p.flags & S_CQE32 ? 32 : 16;
    return (void *)(r->rings + r->p.cq.word[5] + size * (CQ_HEAD(r) & (r->p.cq_entries - 1)));
}
static void seen(struct ring *r) { __atomic_store_n(&CQ_HEAD(r), CQ_HEAD(r) + 1, __ATOMIC_RELEASE); }
static void print_cqe(struct cqe *c) {
    printf("  %llu: %d%s%s flags %x\n", (long long)c->user_data, c->res, c->res < 0 ? " " : "", c->res < 0 ? ename(-c->res) : "", c->flags);
}
/* Print what has completed: so many, or all that are there. */
static void completions(struct ring *r, unsigned n) {
    for (unsigned i = 0; i < n || !n; i++, seen(r)) {
        struct cqe *c = peek(r);
        for (; !c && n; c = peek(r)) MUST(uring_enter(r->fd, 0, 1, GETEVENTS, NULL, 8));
        if (!c) return;
        print_cqe(c);
    }
}
/* Submit, wait for so many completions, print them. */
static void go(struct ring *r, unsigned wait) {
    SHOW(submit(r, wait));
    completions(r, wait);
}

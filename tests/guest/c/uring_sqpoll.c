#include "uring.h"
/* The kernel takes entries by itself, unless it says that it has to be woken. */

static struct ring r;
static char b[64];

static void hand_over(unsigned wait) {
    r.put = 0;
    atomic_thread_fence(memory_order_seq_cst);
    if (SQ_FLAGS(&r) & 1) MUST(uring_enter(r.fd, 3, 0, SQ_WAKEUP, NULL, 8));
    while (CQ_TAIL(&r) - CQ_HEAD(&r) < wait) MUST(uring_enter(r.fd, 0, wait, GETEVENTS, NULL, 8));
    completions(&r, 0);
}

int main(void) {
    r = open_ring(8, S_SQPOLL);
    r.p.sq_thread_idle = 1;
    int p[2];
    MUST(pipe(p));
    add(&r, NOP, -1, NULL, 0, 0, 1);
    hand_over(1);
    add(&r, READ, p[0], b, 8, 0, 2);
    hand_over(0);
    write(p[1], "text", 4);
    hand_over(1);
    STR(b);
    for (int i = 0; i < 20; i++) {
        add(&r, i == 7 ? 200 : NOP, -1, NULL, 0, 0, 10 + i);
        add(&r, NOP, -1, NULL, 0, 0, 100 + i);
        hand_over(2);
    }
    SHOW(uring_enter(r.fd, 5, 0, SQ_WAKEUP, NULL, 8));
    struct sqe *s = prepare(&r, OPENAT, AT_FDCWD, "file", 0600, 0, 40);
    s->op_flags = O_CREAT | O_RDWR, s->flags = SKIP_SUCCESS | LINK;
    add(&r, NOP, -1, NULL, 0, 0, 41);
    hand_over(1);
    VAL(access("file", F_OK));
    struct params q = {.flags = S_SQPOLL | S_COOP};
    SHOW(uring_setup(8, &q));
    q = (struct params){.flags = S_SQPOLL | S_SQ_AFF, .sq_thread_cpu = 1 << 20};
    SHOW(uring_setup(8, &q));
    return 0;
}

#include "t.h"
#include <linux/membarrier.h>
#define M(c, f) syscall(SYS_membarrier, c, f, 0)

static void *other(void *unused) {
    SHOW(M(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0));
    return NULL;
}

int main(void) {
    int all = M(MEMBARRIER_CMD_QUERY, 0), listed = 1 << 9, ours = 0x54; /* GET_REGISTRATIONS; those that are not of rseq */
    VAL(all & listed), VAL(M(listed, 0) & ours), SHOW(M(listed, 1));
    VAL(all & (MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED));
    SHOW(M(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0));
    SHOW(M(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0));
    SHOW(M(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0));
    SHOW(M(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0));
    SHOW(M(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0));
    SHOW(M(MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0));
    SHOW(M(MEMBARRIER_CMD_GLOBAL, 0));
    SHOW(M(MEMBARRIER_CMD_GLOBAL, 1));
    VAL(M(listed, 0) & ours);
    SHOW(M(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0)), VAL(M(listed, 0) & ours);
    SHOW(M(1 << 20, 0));
    SHOW(M(3, 0));
    pthread_t t;
    pthread_create(&t, NULL, other, NULL);
    pthread_join(t, NULL);
    pid_t p = MUST(fork());
    if (!p) {
        SHOW(M(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0)), VAL(M(listed, 0) & ours);
        _exit(0);
    }
    reap(p);
    return 0;
}

#include "t.h"
#include <linux/futex.h>

/* A process says where its list of robust futexes is and makes no call after that; then it is killed. */
struct shared {
    struct robust_list_head head;
    struct robust_list entry;
    int word;
    int ready;
};

static void child(volatile struct shared *s) {
    MUST(syscall(SYS_set_robust_list, &s->head, sizeof s->head));
    s->word = getpid();
    s->ready = 1;
    for (;;) {}
}

int main(void) {
    struct shared *s = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    s->head.list.next = &s->entry;
    s->entry.next = &s->head.list;
    s->head.futex_offset = (char *)&s->word - (char *)&s->entry;
    for (int ask = 0; ask < 2; ask++) {
        s->ready = 0;
        pid_t pid = MUST(fork());
        if (!pid) child(s);
        while (!*(volatile int *)&s->ready) sched_yield();
        if (ask) {
            void *head = 0;
            size_t size = 0;
            MUST(syscall(SYS_get_robust_list, pid, &head, &size));
            VAL(head == s);
            VAL(size);
        }
        VAL(s->word == pid);
        kill(pid, SIGKILL);
        int status;
        MUST(waitpid(pid, &status, 0) == pid ? 0 : -1);
        VAL(status);
        VAL(s->word == FUTEX_OWNER_DIED);
    }
    if (!MUST(fork())) { /* of its own accord, and not right after it has said so */
        MUST(syscall(SYS_set_robust_list, &s->head, sizeof s->head));
        s->word = getpid();
        _exit(3);
    }
    int status;
    MUST(wait(&status));
    VAL(status);
    VAL(s->word == FUTEX_OWNER_DIED);
    if (!MUST(fork())) { /* what another program says is another list */
        MUST(syscall(SYS_set_robust_list, &s->head, sizeof s->head));
        s->word = getpid();
        execl("/bin/true", "true", (char *)0);
        _exit(4);
    }
    MUST(wait(&status));
    VAL(status);
    VAL(s->word == FUTEX_OWNER_DIED);
    return 0;
}

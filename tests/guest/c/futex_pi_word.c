/* What is left in the word of a PI futex that cannot be taken: FUTEX_WAITERS, also by who does not wait. */
#include "t.h"

static unsigned *u;
static void show_word(const char *what, unsigned owner) {
    printf("%s: %s%s%s\n", what, (*u & FUTEX_TID_MASK) == owner ? "its owner" : "another", *u & FUTEX_WAITERS ? ", waiters" : "", *u & FUTEX_OWNER_DIED ? ", died" : "");
}

int main(void) {
    u = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct timespec soon = {1, 0}; /* long ago */
    unsigned nobody = 4100000, me = syscall(SYS_gettid);
    for (int flag = 0; flag < 2; flag++) {
        unsigned bit = flag ? FUTEX_OWNER_DIED : 0;
        *u = nobody | bit; SHOW(syscall(SYS_futex, u, FUTEX_LOCK_PI, 0, &soon)); show_word("lock", nobody);
        *u = nobody | bit; SHOW(syscall(SYS_futex, u, FUTEX_TRYLOCK_PI, 0, 0)); show_word("try", nobody);
        *u = nobody | FUTEX_WAITERS; SHOW(syscall(SYS_futex, u, FUTEX_TRYLOCK_PI, 0, 0)); show_word("try", nobody);
        *u = me | bit; SHOW(syscall(SYS_futex, u, FUTEX_TRYLOCK_PI, 0, 0)); show_word("own", me);
        *u = bit; SHOW(syscall(SYS_futex, u, FUTEX_TRYLOCK_PI, 0, 0)); show_word("free", me);
        *u = bit | FUTEX_WAITERS; SHOW(syscall(SYS_futex, u, FUTEX_TRYLOCK_PI, 0, 0)); show_word("free", me);
    }
    int pp[2];
    pipe(pp);
    pid_t pid = fork();
    if (!pid) {
        char c;
        close(pp[1]);
        read(pp[0], &c, 1);
        _exit(0);
    }
    *u = pid; SHOW(syscall(SYS_futex, u, FUTEX_TRYLOCK_PI, 0, 0)); show_word("try", pid);
    *u = pid; SHOW(syscall(SYS_futex, u, FUTEX_LOCK_PI, 0, &soon)); show_word("lock", pid);
    *u = pid; SHOW(syscall(SYS_futex, u, FUTEX_UNLOCK_PI, 0, 0)); show_word("unlock", pid);
    close(pp[1]);
    siginfo_t info;
    waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
    *u = pid; SHOW(syscall(SYS_futex, u, FUTEX_TRYLOCK_PI, 0, 0)); show_word("zombie", pid);
    waitpid(pid, NULL, 0);
    return 0;
}

/* What the first process of syscalls.c and its random part (random.c) share. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/syscall.h>

struct worker {
    long calls;
    char room[56];
};

struct shared {
    struct worker worker[64];
};

struct state;

/* A new sequence. `counted`: where its calls are counted. */
struct state *begin(unsigned long seed, struct worker *counted);

/* Choose a call and its arguments, make it, remember what it gave. */
void one_call(struct state *s);

static inline long call(long nr, long a, long b, long c, long d, long e, long f) {
    long result;
    register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "=a"(result) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

#include "asleep.h"
#include <linux/filter.h>
#include <linux/seccomp.h>

/* Calls of futex(2) that need nobody, so often that a platform may answer them itself, between those that it must not. */
struct waitv { uint64_t val, uaddr; uint32_t flags, reserved; };
enum { HOT = 600, PRIVATE = FUTEX_PRIVATE_FLAG };
static uint32_t *words; /* a page of its own, so that these programs' other words lie at other places */
static atomic_int waiter;

static long futex(void *a, unsigned long op, unsigned long value, void *time, void *other, unsigned long bits) {
    return syscall(SYS_futex, a, op, value, time, other, bits);
}
static long wake(void *a) { return futex(a, FUTEX_WAKE | PRIVATE, 1, 0, 0, 0); }

static void warm(void) {
    long woken = 0, refused = 0;
    for (int i = 0; i < HOT; i++) {
        woken += wake(&words[i % 8]);
        woken += futex(&words[i % 8], FUTEX_WAKE_BITSET | PRIVATE, 9, 0, 0, 3);
        refused += futex(&words[1], FUTEX_WAIT | PRIVATE, 1, 0, 0, 0) == -1 && errno == EAGAIN;
        refused += futex(&words[1], FUTEX_WAIT_BITSET | PRIVATE | FUTEX_CLOCK_REALTIME, 1, 0, 0, 1) == -1 && errno == EAGAIN;
    }
    VAL(woken);
    VAL(refused);
}

static void errors(void) {
    struct timespec bad = {0, -1}, none = {0, 0};
    char *closed = MUST(mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    char *shown = MUST(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    SHOW(wake((char *)words + 2));
    SHOW(wake((void *)(1ul << 63)));
    SHOW(wake(BAD));
    SHOW(wake(closed));
    SHOW(futex(BAD, FUTEX_WAKE, 1, 0, 0, 0));
    SHOW(futex(words, FUTEX_WAKE | PRIVATE | FUTEX_CLOCK_REALTIME, 1, 0, 0, 0));
    SHOW(futex(words, FUTEX_WAKE_BITSET | PRIVATE, 1, 0, 0, 0));
    SHOW(futex(words, FUTEX_WAKE | PRIVATE | 1ul << 32, 1, BAD, BAD, 0));
    SHOW(futex(words, 99 | PRIVATE, 1, 0, 0, 0));
    SHOW(futex((char *)words + 1, FUTEX_WAIT | PRIVATE, 1, 0, 0, 0));
    SHOW(futex((void *)(1ul << 63), FUTEX_WAIT | PRIVATE, 1, 0, 0, 0));
    SHOW(futex(BAD, FUTEX_WAIT | PRIVATE, 1, 0, 0, 0));
    SHOW(futex(closed, FUTEX_WAIT | PRIVATE, 1, 0, 0, 0));
    SHOW(futex(shown, FUTEX_WAIT | PRIVATE, 1, 0, 0, 0));
    SHOW(futex(words, FUTEX_WAIT | PRIVATE | FUTEX_CLOCK_REALTIME, 1, 0, 0, 0));
    SHOW(futex(words, FUTEX_WAIT | PRIVATE, 1ul << 32 | 1, 0, 0, 0));
    SHOW(futex(words, FUTEX_WAIT | PRIVATE, 1ul << 32, &none, 0, 0));
    SHOW(futex(words, FUTEX_WAIT | PRIVATE, 1, BAD, 0, 0));
    SHOW(futex(words, FUTEX_WAIT | PRIVATE, 1, &bad, 0, 0));
    SHOW(futex(words, FUTEX_WAIT_BITSET | PRIVATE, 1, 0, 0, 0));
    SHOW(futex(words, FUTEX_WAIT_BITSET | PRIVATE, 1, &bad, 0, 1));
}

/* Each way to wait; where a wake-up is found by. */
enum { WAIT, BITSET, VECTOR, WAIT2, MOVED, TIMED, SHARED, WAYS };
static const char *const ways[] = {"wait", "bitset", "waitv", "futex_wait", "moved", "timed", "shared"};
static void *sleeper(void *way) {
    struct waitv vector[2] = {{0, (uintptr_t)&words[40], 2 | 128, 0}, {0, (uintptr_t)words, 2 | 128, 0}};
    struct timespec long_time = {100, 0};
    waiter = gettid();
    switch ((long)way) {
    case WAIT: return (void *)futex(words, FUTEX_WAIT | PRIVATE, 0, 0, 0, 0);
    case BITSET: return (void *)futex(words, FUTEX_WAIT_BITSET | PRIVATE, 0, 0, 0, 6);
    case VECTOR: return (void *)syscall(449, vector, 2, 0, 0, 0);
    case WAIT2: return (void *)syscall(455, words, 0, ~0u, 2 | 128, 0, 0);
    case MOVED: return (void *)futex(&words[80], FUTEX_WAIT | PRIVATE, 0, 0, 0, 0);
    case TIMED: return (void *)futex(words, FUTEX_WAIT | PRIVATE, 0, &long_time, 0, 0);
    default: return (void *)futex(words, FUTEX_WAIT, 0, 0, 0, 0);
    }
}
static void found(void) {
    for (long way = 0; way < WAYS; way++) {
        pthread_t t;
        void *result;
        waiter = 0;
        pthread_create(&t, 0, sleeper, (void *)way);
        while (!waiter) sched_yield();
        asleep(waiter);
        if (way == MOVED) {
            VAL(wake(words));
            VAL(futex(&words[80], FUTEX_CMP_REQUEUE | PRIVATE, 0, (void *)1, words, 0));
            VAL(wake(&words[80]));
        }
        if (way == BITSET) VAL(futex(words, FUTEX_WAKE_BITSET | PRIVATE, 1, 0, 0, 9));
        long woken = way == BITSET ? futex(words, FUTEX_WAKE_BITSET | PRIVATE, 1, 0, 0, 4) : wake(words);
        if (way == SHARED) woken = woken * 10 + futex(words, FUTEX_WAKE, 1, 0, 0, 0); /* private or not are two words */
        pthread_join(t, &result);
        printf("%s: %ld %ld, then %ld\n", ways[way], woken, (long)result, wake(words));
    }
}

static void nothing(int s) {}
static void *restless(void *p) {
    waiter = gettid();
    long r = futex(words, FUTEX_WAIT | PRIVATE, 0, 0, 0, 0);
    return (void *)(r == -1 ? (long)errno : r);
}
static void left(void) {
    struct timespec soon = {0, 2 * MS};
    pthread_t t;
    void *result;
    SHOW(futex(words, FUTEX_WAIT | PRIVATE, 0, &soon, 0, 0));
    VAL(wake(words));
    handle(SIGUSR1, nothing, 0);
    waiter = 0;
    pthread_create(&t, 0, restless, 0);
    while (!waiter) sched_yield();
    asleep(waiter);
    pthread_kill(t, SIGUSR1);
    pthread_join(t, &result);
    printf("interrupted: %s, then %ld\n", ename((long)result), wake(words));
}

/* Words of shared memory, of which each process and each mapping has another address. */
static void across(void) {
    char *a = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    char *b = MUST(mremap(a, 0, 4096, MREMAP_MAYMOVE));
    for (int private = 0; private < 2; private++) {
        pid_t child = MUST(fork());
        if (!child) _exit(futex(private ? (char *)words : a, FUTEX_WAIT | (private ? PRIVATE : 0), 0, 0, 0, 0) ? 1 : 0);
        asleep(child);
        VAL(futex(private ? (char *)words : b, FUTEX_WAKE | PRIVATE, 1, 0, 0, 0));
        if (private) kill(child, SIGKILL);
        else VAL(futex(b, FUTEX_WAKE, 1, 0, 0, 0));
        reap(child);
        VAL(wake(words));
    }
}

/* A filter that comes later sees every call. */
static void filtered(void) {
    struct sock_filter code[] = {
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, 0}, {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_futex},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EXFULL}, {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
    };
    struct sock_fprog program = {4, code};
    pid_t child = MUST(fork());
    if (!child) {
        warm();
        MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
        SHOW(wake(words));
        SHOW(futex(&words[1], FUTEX_WAIT | PRIVATE, 1, 0, 0, 0));
        _exit(0);
    }
    reap(child);
}

int main(void) {
    words = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    warm();
    errors();
    found();
    left();
    across();
    fflush(stdout);
    filtered();
    return 0;
}

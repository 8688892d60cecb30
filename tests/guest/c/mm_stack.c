#include "t.h"

static volatile char sink;
static __attribute__((noinline)) long deep(long n) {
    volatile char page[4096];
    page[0] = (char)n;
    return n ? deep(n - 1) + page[0] - (char)n + 1 : 0;
}
static sigjmp_buf out;
static void segv(int s, siginfo_t *i, void *c) {
    printf("signal %d code %d\n", i->si_signo, i->si_code);
    siglongjmp(out, 1);
}
static __attribute__((noinline)) long large_buffer(int fd) {
    char b[3 << 20]; /* never touched before the kernel writes to it */
    long n = pread(fd, b, 8192, 0) + pread(fd, b + sizeof b - 8192, 8192, 0);
    return n + b[0] + b[sizeof b - 1];
}
int main(void) {
    VAL(deep(1700)); /* 7 MB of 8 */
    put("f", "");
    int fd = MUST(open("f", O_RDWR));
    MUST(ftruncate(fd, 8192));
    VAL(large_buffer(fd));
    struct rlimit l;
    MUST(getrlimit(RLIMIT_STACK, &l));
    l.rlim_cur = 64 << 20;
    MUST(setrlimit(RLIMIT_STACK, &l));
    VAL(deep(10000)); /* 40 MB: the limit counts when it grows */
    l.rlim_cur = 8 << 20;
    MUST(setrlimit(RLIMIT_STACK, &l));
    stack_t alt = {.ss_sp = malloc(65536), .ss_size = 65536};
    MUST(sigaltstack(&alt, NULL));
    struct sigaction a = {.sa_sigaction = segv, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    MUST(sigaction(SIGSEGV, &a, NULL));
    if (!sigsetjmp(out, 1)) {
        VAL(deep(1 << 20));
    }
    /* A growing mapping, and the gap that is kept below it. */
    long page = 4096;
    char *m = MUST(mmap(NULL, 1024 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    MUST(munmap(m, 1024 * page));
    char *g = mmap(m + 1000 * page, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
    VAL(g == m + 1000 * page);
    g[-page] = 1;
    g[-20 * page] = 2;
    VAL(g[-page] + g[-20 * page] + g[-10 * page]);
    MUST(mmap(m + 400 * page, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    if (!sigsetjmp(out, 1)) {
        g[-500 * page] = 1;
        puts("grew into the gap");
    }
    SHOW(mprotect(g, page, PROT_READ | PROT_GROWSDOWN));
    if (!sigsetjmp(out, 1)) {
        g[-page] = 1;
        puts("still writable");
    }
    SHOW(mprotect(m + 400 * page, page, PROT_READ | PROT_GROWSDOWN));
    SHOW((long)mmap(NULL, page, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0));
    return 0;
}

#include "t.h"

static sigjmp_buf env;
static volatile int code, sig;
static void *volatile addr;
static void on(int s, siginfo_t *i, void *u) {
    sig = s, code = i->si_code, addr = i->si_addr;
    siglongjmp(env, 1);
}
static char *page;
#define TRY(what)                                                                        \
    do {                                                                                 \
        if (sigsetjmp(env, 1) == 0) {                                                    \
            what;                                                                        \
            printf("%s: fine\n", #what);                                                 \
        } else                                                                           \
            printf("%s: signal %d code %d at page+%ld\n", #what, sig, code,              \
                   (long)((char *)addr - page));                                         \
    } while (0)
int main(void) {
    struct sigaction a = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &a, NULL);
    sigaction(SIGBUS, &a, NULL);
    page = MUST(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    volatile char c;
    TRY(page[5] = 1);
    SHOW(mprotect(page, 4096, PROT_READ));
    TRY(page[6] = 1);
    TRY(c = page[6]);
    TRY(page[4096] = 1);
    SHOW(mprotect(page, 4096, PROT_NONE));
    TRY(c = page[7]);
    SHOW(mprotect(page, 8192, PROT_READ | PROT_WRITE));
    TRY(page[7] = 2);
    VAL(page[5]);
    SHOW(mprotect(page + 1, 4096, PROT_READ));
    SHOW(mprotect(page, 0, PROT_READ));
    SHOW(mprotect(page, 4096, 0x100));
    MUST(munmap(page + 4096, 4096));
    SHOW(mprotect(page, 8192, PROT_READ));
    TRY(c = page[4100]);
    TRY(((void (*)(void))page)());
    int fd = MUST(open("f", O_RDWR | O_CREAT, 0644));
    MUST(ftruncate(fd, 100));
    page = MUST(mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0));
    TRY(c = page[200]);
    TRY(c = page[4096]);
    int r = MUST(open("f", O_RDONLY));
    char *ro = MUST(mmap(NULL, 4096, PROT_READ, MAP_SHARED, r, 0));
    SHOW(mprotect(ro, 4096, PROT_READ | PROT_WRITE));
    return 0;
}

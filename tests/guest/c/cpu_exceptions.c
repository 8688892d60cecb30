/*
 * Exceptions of the processor as signals: number, code, whether there is an address, the trap's number and, of page faults, the
 * error code but for the bit of writes (not every platform is told).
 */
#include "t.h"
#include <sys/mman.h>
#include <ucontext.h>
#include <xmmintrin.h>

static sigjmp_buf back;
static siginfo_t info;
static ucontext_t context;

static void handler(int signo, siginfo_t *given, void *at) {
    info = *given;
    memcpy(&context, at, sizeof context);
    siglongjmp(back, signo);
}

static void tell(const char *name, int signo) {
    long *regs = (long *)context.uc_mcontext.gregs, trap = regs[REG_TRAPNO];
    printf("%s: signal %d code %d %s", name, signo, info.si_code, info.si_addr ? "addr" : "0");
    if (signo != SIGFPE) printf(" trap %ld", trap);
    if (trap == 14) printf(" error %#lx", regs[REG_ERR] & ~2l);
    printf(" cs %#lx tf %ld\n", regs[REG_CSGSFS] & 0xffff, regs[REG_EFL] >> 8 & 1);
}

#define TRY(...)                                                   \
    do {                                                           \
        int signo = sigsetjmp(back, 1);                            \
        if (!signo) {                                              \
            __VA_ARGS__;                                           \
            printf("%s: nothing\n", #__VA_ARGS__);                 \
        } else tell(#__VA_ARGS__, signo);                          \
    } while (0)

static void divide(int by) {
    volatile int zero = by, one = 1;
    one /= zero;
}
static void divide_sse(unsigned unmasked, float above) {
    _mm_setcsr(0x1f80 & ~unmasked);
    volatile float x = above, y = 0;
    x /= y;
}
static void divide_x87(void) {
    unsigned short control = 0x37b;
    __asm__ volatile("fninit\n fldcw %0\n fld1\n fldz\n fdivrp\n fwait" ::"m"(control));
}
static void jump_to(uintptr_t where) { ((void (*)(void))where)(); }
static void read_at(uintptr_t where) { (void)*(volatile char *)where; }
static void bad_stack(void) {
    __asm__ volatile("mov %%rsp, %%r12\n mov %0, %%rsp\n push %%rax\n mov %%r12, %%rsp" ::"r"(1ul << 63) : "r12");
}
static void behind_the_end(void) {
    char name[] = "/tmp/exceptionsXXXXXX";
    int fd = mkstemp(name);
    unlink(name);
    volatile char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    (void)*page;
}
static char data[64] __attribute__((aligned(16))) = {(char)0xc3};
static char state[512] __attribute__((aligned(16)));

int main(void) {
    static char stack[65536];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    int signals[] = {SIGTRAP, SIGILL, SIGFPE, SIGSEGV, SIGBUS};
    sigaltstack(&alternate, 0);
    for (int i = 0; i < 5; i++) {
        struct sigaction a = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
        a.sa_sigaction = handler;
        sigaction(signals[i], &a, 0);
    }
    memset(state, 0xff, sizeof state);
    TRY(__asm__ volatile("int3"));
    TRY(__asm__ volatile(".byte 0xcd, 3"));
    TRY(__asm__ volatile(".byte 0xf1"));
    TRY(__asm__ volatile("ud2"));
    TRY(__asm__ volatile(".byte 0xf0, 0x90"));
    TRY(__asm__ volatile("hlt"));
    TRY(__asm__ volatile("cli"));
    TRY(__asm__ volatile("inb $0x80, %%al" ::: "rax"));
    TRY(__asm__ volatile("rdmsr" ::: "rax", "rdx"));
    TRY(__asm__ volatile("mov %%cr0, %%rax" ::: "rax"));
    TRY(__asm__ volatile("mov %0, %%gs" ::"r"(0x1234)));
    TRY(__asm__ volatile("mov %0, %%gs" ::"r"(0)));
    TRY(__asm__ volatile("mov %0, %%ss" ::"r"(0)));
    TRY(__asm__ volatile("fxrstor %0" ::"m"(*state)));
    TRY(__asm__ volatile("movaps %0, %%xmm0" ::"m"(data[1]) : "xmm0"));
    TRY(__asm__ volatile("pushf\n orl $0x100, (%%rsp)\n popf\n nop" ::: "memory", "cc"));
    TRY(__asm__ volatile("pushf\n orl $0x100, (%%rsp)\n popf\n syscall\n nop" ::"a"(39) : "rcx", "r11", "memory", "cc"));
    TRY(divide(0));
    TRY(divide_sse(0x200, 1));
    TRY(divide_sse(0x80, 0));
    _mm_setcsr(0x1f80);
    TRY(divide_x87());
    __asm__ volatile("fninit");
    TRY(read_at(0));
    TRY(read_at(1ul << 63));
    TRY(read_at(0xffffffff81000000ul));
    TRY(jump_to(0));
    TRY(jump_to(1ul << 63));
    TRY(jump_to(0xffffffff81000000ul));
    TRY(jump_to((uintptr_t)data));
    TRY(*(volatile char *)"text" = 1);
    TRY(bad_stack());
    TRY(behind_the_end());
    return 0;
}

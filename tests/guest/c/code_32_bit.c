/* A 64-bit program that jumps to 32-bit code: faults there, handled and mended, a timer's signal, and the way back. */
#include "t.h"
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

/* int enter(struct far_pointer *to, void *stack, unsigned argument): all of it is copied below 4 GiB. */
__asm__(".globl code_begin, code_read, code_wait, code_ud, code_end\n"
        "code_begin:\n push %rbx\n push %r12\n mov %rsp, %r12\n mov %edx, %ebx\n mov %rsi, %rsp\n"
        " mov $0x2b, %eax\n mov %eax, %ds\n mov %eax, %es\n"
        " lcall *(%rdi)\n mov %r12, %rsp\n pop %r12\n pop %rbx\n ret\n"
        ".code32\n"
        "code_read:\n mov (%ebx), %eax\n lret\n"
        "code_wait:\n movl $0, %eax\n1: inc %eax\n cmpl $0, (%ebx)\n je 1b\n mov $9, %eax\n lret\n"
        "code_ud:\n mov $3, %eax\n ud2\n inc %eax\n lret\n"
        ".code64\n"
        "code_end:\n");
extern char code_begin[], code_read[], code_wait[], code_ud[], code_end[];

struct far_pointer {
    unsigned offset;
    unsigned short selector;
} __attribute__((packed));
struct low {
    struct far_pointer to;
    volatile unsigned flag;
    char code[512];
    char stack[4096];
};
static struct low *low;
static unsigned missing;
static volatile long seen_cs[NSIG];

static void handler(int signo, siginfo_t *info, void *at) {
    long *regs = (long *)((ucontext_t *)at)->uc_mcontext.gregs;
    seen_cs[signo] = regs[REG_CSGSFS] & 0xffff;
    if (signo == SIGSEGV) {
        if (info->si_addr != (void *)(uintptr_t)missing) _exit(3);
        unsigned *page = mmap((void *)(uintptr_t)missing, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        *page = 42;
    }
    if (signo == SIGILL) regs[REG_RIP] += 2;
    if (signo == SIGALRM) low->flag = 1;
}

static int call(char *routine, void *argument) {
    low->to.offset = (unsigned)(uintptr_t)(low->code + (routine - code_begin));
    low->to.selector = 0x23;
    int (*enter)(struct far_pointer *, void *, unsigned) = (void *)low->code;
    return enter(&low->to, low->stack + 4000, (unsigned)(uintptr_t)argument);
}

int main(void) {
    static char stack[65536]; /* a handler's frame does not fit on the small stack, nor is it to */
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&alternate, 0);
    int signals[] = {SIGSEGV, SIGILL, SIGALRM};
    for (int i = 0; i < 3; i++) {
        struct sigaction a = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
        a.sa_sigaction = handler;
        sigaction(signals[i], &a, 0);
    }
    low = mmap(0, sizeof *low, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    memcpy(low->code, code_begin, code_end - code_begin);
    void *page = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    missing = (unsigned)(uintptr_t)page;
    for (int many = 0; many < 2; many++) {
        for (int i = 0; i < 100 * many; i++) getppid();
        mprotect(page, 4096, PROT_NONE);
        printf("read %d", call(code_read, page));
        printf(" with cs %#lx\n", seen_cs[SIGSEGV]);
        printf("ud %d", call(code_ud, 0));
        printf(" with cs %#lx\n", seen_cs[SIGILL]);
        low->flag = 0;
        struct itimerval soon = {.it_value.tv_usec = 3000};
        setitimer(ITIMER_REAL, &soon, 0);
        printf("waited %d", call(code_wait, (void *)&low->flag));
        printf(" with cs %#lx\n", seen_cs[SIGALRM]);
    }
    return 0;
}

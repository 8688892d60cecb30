/* Signal frames: the vector registers in them, frames that programs change, and stacks that have no room. */
#define _GNU_SOURCE
#include <immintrin.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static volatile unsigned csr_inside, csr_saved, xmm_inside[4];
static volatile int change, order[16], count;

static void set_xmm7(unsigned a, unsigned b) {
    unsigned v[4] = {a, 2, 3, b};
    __asm__ volatile("movups %0, %%xmm7" : : "m"(v) : "xmm7");
}
#define GET_XMM7(v) __asm__ volatile("movups %%xmm7, %0" : "=m"(v))

static void look(int signo, siginfo_t *info, void *context) {
    ucontext_t *uc = context;
    unsigned seen[4];
    (void)signo, (void)info;
    GET_XMM7(seen);
    xmm_inside[3] = seen[3];
    csr_inside = _mm_getcsr();
    csr_saved = uc->uc_mcontext.fpregs->mxcsr;
    set_xmm7(~0u, ~0u);
    _mm_setcsr(0x1f80 | 0x6000);
}

static char __attribute__((aligned(64))) elsewhere[16384];

static void edit(int signo, siginfo_t *info, void *context) {
    ucontext_t *uc = context;
    struct _libc_fpstate *fp = uc->uc_mcontext.fpregs;
    uint32_t *sw = (uint32_t *)((char *)fp + 464);
    uint64_t *header = (uint64_t *)((char *)fp + 512);
    (void)signo, (void)info;
    switch (change) {
    case 0: fp->mxcsr ^= 0x8000; fp->_xmm[7].element[0] = 77; break;
    case 1: fp->mxcsr = ~0u; break;
    case 2: sw[0] = 0; fp->_xmm[7].element[0] = 78; break;
    case 3: uc->uc_mcontext.fpregs = 0; break;
    case 4: uc->uc_mcontext.fpregs = (void *)((char *)fp + 8); break;
    case 5: header[0] |= 1ul << 62; break;
    case 6: header[3] = 1; break;
    case 7:
        memcpy(elsewhere, fp, sw[1]);
        ((struct _libc_fpstate *)elsewhere)->_xmm[7].element[0] = 79;
        uc->uc_mcontext.fpregs = (void *)elsewhere;
        break;
    case 8: uc->uc_mcontext.fpregs = (void *)0x40; break;
    case 9: *(uint32_t *)((char *)fp + sw[1] - 4) = 0; fp->_xmm[7].element[0] = 80; break;
    case 10: header[0] = 0; break;
    }
}

static void note(int signo) {
    order[count++] = signo;
}

static void again(int signo) {
    order[count++] = signo;
    if (count < 4) raise(signo);
    order[count++] = -signo;
}

static sigjmp_buf out;
static volatile uintptr_t fault_sp;
static volatile int fault_code;
static void no_room(int signo, siginfo_t *info, void *context) {
    ucontext_t *uc = context;
    (void)signo;
    fault_code = info->si_code;
    fault_sp = uc->uc_mcontext.gregs[REG_RSP];
    siglongjmp(out, 1);
}

static void handle(int signo, void (*handler)(int, siginfo_t *, void *), int flags) {
    struct sigaction a = {0};
    a.sa_sigaction = handler;
    a.sa_flags = SA_SIGINFO | flags;
    sigaction(signo, &a, 0);
}

/* raise(signo) with the stack pointer at `sp` */
static void raise_at(uintptr_t sp, int signo) {
    __asm__ volatile(
        "mov %%rsp, %%rbx\n mov %0, %%rsp\n mov $39, %%eax\n syscall\n mov %%eax, %%edi\n mov $62, %%eax\n"
        " mov %1, %%esi\n syscall\n mov %%rbx, %%rsp\n"
        : : "r"(sp), "r"(signo) : "rax", "rbx", "rcx", "rdi", "rsi", "r11", "memory");
}

int main(void) {
    setvbuf(stdout, 0, _IONBF, 0);
    handle(SIGUSR1, look, 0);
    for (int i = 0; i < 300; i++) {
        unsigned after[4];
        _mm_setcsr(0x1f80 | 0x8000);
        set_xmm7(1, i);
        raise(SIGUSR1);
        GET_XMM7(after);
        int good = csr_inside == 0x1f80 && csr_saved == 0x9f80 && _mm_getcsr() == 0x9f80 && after[3] == (unsigned)i;
        if (i % 100 == 0 || !good) printf("%d: %x %x %x %u %u %u\n", i, csr_inside, csr_saved, _mm_getcsr(), after[0], after[3], xmm_inside[3]);
    }
    handle(SIGUSR2, edit, 0);
    for (change = 0; change <= 10; change++) {
        for (int many = 0; many < 2; many++) {
            int pid = fork();
            if (!pid) {
                unsigned after[4];
                if (many) for (int i = 0; i < 200; i++) getppid();
                _mm_setcsr(0x1f80);
                set_xmm7(5, 6);
                raise(SIGUSR2);
                GET_XMM7(after);
                printf("change %d: %x %u %u\n", change, _mm_getcsr(), after[0], after[3]);
                _exit(0);
            }
            int status;
            waitpid(pid, &status, 0);
            printf("change %d: status %x\n", change, status & 0xff7f);
        }
    }

    sigset_t set, old;
    sigfillset(&set);
    signal(SIGHUP, note), signal(SIGTERM, note), signal(SIGRTMIN, note);
    sigprocmask(SIG_BLOCK, &set, &old);
    raise(SIGRTMIN), raise(SIGTERM), raise(SIGHUP), raise(SIGRTMIN);
    sigprocmask(SIG_SETMASK, &old, 0);
    for (int i = 0; i < count; i++) printf("%d ", order[i]);
    struct sigaction a = {0};
    a.sa_handler = again;
    a.sa_flags = SA_NODEFER;
    sigaction(SIGALRM, &a, 0);
    count = 0;
    raise(SIGALRM);
    for (int i = 0; i < count; i++) printf("%d ", order[i]);
    printf("\n");

    stack_t alt = {.ss_sp = malloc(65536), .ss_size = 65536};
    sigaltstack(&alt, 0);
    handle(SIGSEGV, no_room, SA_ONSTACK);
    handle(SIGUSR1, look, 0);
    char *area = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(area + 16384, 4096, PROT_NONE);
    for (int room = 0; room <= 6144; room += 512) {
        volatile int reached = 0;
        csr_saved = 0;
        if (!sigsetjmp(out, 1)) {
            raise_at((uintptr_t)area + 20480 + room, SIGUSR1);
            reached = 1;
        }
        /* how much room a frame needs depends on the processor */
        if (room <= 512 || room == 6144)
            printf("room %d: reached %d code %x sp %d\n", room, reached, fault_code, fault_sp == (uintptr_t)area + 20480 + room);
        else if (reached != (csr_saved != 0)) printf("room %d: half done\n", room);
        fault_code = 0, fault_sp = 0;
    }
    /* a stack that has to grow for the frame */
    char *big = mmap(0, 8 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(big, 8 << 20);
    char *grows = mmap(big + (7 << 20), 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
    for (int i = 0; i < 4; i++) {
        volatile int reached = 0;
        if (!sigsetjmp(out, 1)) {
            raise_at((uintptr_t)grows - 8192 * i + 64, SIGUSR1);
            reached = 1;
        }
        printf("growth %d: reached %d\n", i, reached);
    }
    printf("done\n");
    return 0;
}

#include "t.h"

static volatile double seen;
static void on(int s) {
    double x = 1;
    for (int i = 1; i < 50; i++) x *= 1.5, x -= 1 / (double)i;
    seen = x;
    asm volatile("pxor %%xmm6, %%xmm6; pxor %%xmm7, %%xmm7; xor %%r12, %%r12; std; cld" ::: "xmm6", "xmm7", "r12");
}
int main(void) {
    handle(SIGUSR1, on, 0);
    handle(SIGALRM, on, SA_RESTART);
    uint64_t a, b;
    double d;
    asm volatile("mov $0x1122334455667788, %%r12; movq %%r12, %%xmm6; movq %%r12, %%xmm7; mov $39, %%eax; syscall; mov %%eax, %%edi;"
                 "mov $10, %%esi; mov $62, %%eax; syscall; mov %%r12, %0; movq %%xmm6, %1"
                 : "=r"(a), "=r"(b) :: "r12", "rax", "rdi", "rsi", "rcx", "r11", "xmm6", "xmm7", "memory");
    printf("%lx %lx\n", a, b);
    struct itimerval t = {{0, 1000}, {0, 1000}};
    setitimer(ITIMER_REAL, &t, NULL);
    double sum = 0;
    long start = now_ms();
    unsigned long h = 1, rounds = 0;
    for (long i = 0; i < 30000000; i++) h = h * 6364136223846793005UL + i, sum += (h >> 40) * 0.5;
    memset(&t, 0, sizeof t);
    setitimer(ITIMER_REAL, &t, NULL);
    printf("%lx %.1f\n", h, sum);
    return 0;
}

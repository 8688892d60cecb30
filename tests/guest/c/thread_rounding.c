/* A thread begins with its maker's control words of the floating-point unit, the thousandth as well as the first. */
#include <pthread.h>
#include <stdio.h>

static unsigned mxcsr_now(void) {
    unsigned value;
    __asm__ volatile("stmxcsr %0" : "=m"(value));
    return value & ~0x3fu; /* without what has happened so far */
}
static unsigned short control_now(void) {
    unsigned short value;
    __asm__ volatile("fnstcw %0" : "=m"(value));
    return value;
}
static void set(unsigned mxcsr, unsigned short control) {
    __asm__ volatile("ldmxcsr %0; fldcw %1" : : "m"(mxcsr), "m"(control));
}

static unsigned mxcsr;
static unsigned short control;
static void *child(void *p) {
    mxcsr = mxcsr_now();
    control = control_now();
    return p;
}

int main(void) {
    int wrong = 0;
    for (int i = 0; i < 1000; i++) {
        unsigned round = i & 3; /* nearest, down, up, to zero */
        set(0x1f80 | round << 13, 0x37f | round << 10);
        pthread_t thread;
        if (pthread_create(&thread, 0, child, 0) || pthread_join(thread, 0)) return 1;
        wrong += mxcsr != (0x1f80 | round << 13) || control != (0x37f | round << 10);
    }
    printf("%d of 1000 began otherwise\n", wrong);
    return 0;
}

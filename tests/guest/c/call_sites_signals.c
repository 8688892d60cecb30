#include "t.h"
#include <pthread.h>
#include <setjmp.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>

/* Signals at calls that are made often, from the same few places: none is lost, none shows what is behind a call. */
static volatile int got, outside;
static unsigned long code[16][2]; /* what was executable when the program began */
static void read_code(void) {
    char l[512], m[5];
    FILE *f = fopen("/proc/self/maps", "r");
    for (int i = 0; i < 16 && fgets(l, sizeof l, f);) {
        sscanf(l, "%lx-%lx %4s", &code[i][0], &code[i][1], m);
        i += m[2] == 'x';
    }
    fclose(f);
}
static void count(int s, siginfo_t *i, void *c) {
    unsigned long rip = ((ucontext_t *)c)->uc_mcontext.gregs[REG_RIP];
    int here = 0;
    for (int i = 0; i < 16; i++) here |= rip >= code[i][0] && rip < code[i][1];
    outside += !here;
    got++;
}
static long call(long nr) { /* the one form */
    long r;
    __asm__ volatile("mov %1, %%rax; syscall; cmp $-4095, %%rax" : "=&a"(r) : "r"(nr) : "rcx", "r11", "memory");
    return r;
}
static long parent(void) { /* the other */
    long r;
    __asm__ volatile("mov $110, %%eax; syscall" : "=a"(r) : : "rcx", "r11", "memory");
    return r;
}
static sigjmp_buf out;
static void jump(int s) { siglongjmp(out, 1); }
static void on(int s, void *f, int flags) {
    struct sigaction a = {.sa_flags = flags};
    a.sa_handler = f;
    MUST(sigaction(s, &a, 0));
}
static void *hammer(void *arg) {
    long p = parent(), bad = 0;
    for (int i = 0; i < 3000; i++) bad += parent() != p || call(110) != p;
    return (void *)bad;
}
int main(void) {
    read_code();
    on(SIGUSR1, count, SA_SIGINFO | SA_RESTART);
    /* to itself: has run when the call is back */
    int late = 0;
    for (int i = 0; i < 1000; i++) {
        int before = got;
        kill(getpid(), SIGUSR1);
        late += got != before + 1;
    }
    printf("to itself: %d late, %d calls outside\n", late, outside);
    /* from another, while this one goes from a call into a loop without any */
    int p[2], q[2];
    MUST(pipe(p)), MUST(pipe(q));
    pid_t child = MUST(fork());
    if (!child) {
        char c;
        while (read(p[0], &c, 1) == 1 && c) kill(getppid(), SIGUSR1);
        _exit(0);
    }
    for (int i = 0; i < 2000; i++) {
        int before = got;
        long r;
        __asm__ volatile("syscall" : "=a"(r) : "0"(1L), "D"((long)p[1]), "S"("x"), "d"(1L) : "rcx", "r11", "memory");
        while (got == before);
    }
    MUST(write(p[1], "", 1));
    MUST(waitpid(child, 0, 0));
    printf("from another: all came\n");
    /* a timer, while calls are made without end */
    on(SIGALRM, count, SA_SIGINFO);
    struct itimerval t = {{0, 300}, {0, 300}}, off = {0};
    MUST(setitimer(ITIMER_REAL, &t, 0));
    long bad = 0, me = parent();
    for (int end = got + 300; got < end;) bad += parent() != me || call(110) != me;
    MUST(setitimer(ITIMER_REAL, &off, 0));
    printf("under a timer: %ld wrong, %d outside\n", bad, outside);
    /* out of a handler, from calls that wait */
    int jumps = 0;
    on(SIGALRM, jump, SA_RESTART | SA_NODEFER);
    for (volatile int i = 0; i < 200; i++) {
        char c;
        struct itimerval once = {{0, 0}, {0, 200}};
        if (sigsetjmp(out, 1)) {
            jumps++;
            continue;
        }
        MUST(setitimer(ITIMER_REAL, &once, 0));
        read(q[0], &c, 1);
    }
    printf("jumped out %d times\n", jumps);
    /* interrupted and restarted */
    int eintr = 0;
    on(SIGALRM, count, SA_SIGINFO);
    for (int i = 0; i < 200; i++) {
        char c;
        struct itimerval often = {{0, 500}, {0, 200}};
        MUST(setitimer(ITIMER_REAL, &often, 0));
        eintr += read(q[0], &c, 1) == -1 && errno == EINTR;
    }
    MUST(setitimer(ITIMER_REAL, &off, 0));
    on(SIGALRM, count, SA_SIGINFO | SA_RESTART);
    child = MUST(fork());
    if (!child) {
        for (int i = 0; i < 200; i++) usleep(300), kill(getppid(), SIGALRM);
        MUST(write(q[1], "y", 1));
        _exit(0);
    }
    char c = 0;
    long n = read(q[0], &c, 1);
    MUST(waitpid(child, 0, 0));
    printf("EINTR %d times, restarted: %ld %c\n", eintr, n, c);
    /* threads at the same places */
    pthread_t th[4];
    long all = 0;
    for (int i = 0; i < 4; i++) pthread_create(&th[i], 0, hammer, 0);
    for (int i = 0; i < 4; i++) for (int k = 0; k < 100; k++) pthread_kill(th[i], SIGUSR1);
    for (int i = 0; i < 4; i++) {
        void *r;
        pthread_join(th[i], &r);
        all += (long)r;
    }
    printf("threads: %ld wrong, %d outside\n", all, outside);
    return 0;
}

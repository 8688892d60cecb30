#include "t.h"
#include "container_caps.h"
/* Signals, timers and clocks at each number, flag and clock. */

#define E(e) ({ errno = 0; long r_ = (long)(e); printf(" %s", r_ == -1 ? ename(errno) : r_ ? "n" : "0"); })
static void nothing(int signo) {}
static volatile int spinning = 1;
static void *spin(void *unused) {
    while (spinning);
    return NULL;
}
int main(void) {
    as_in_container();
    struct sigaction a = {.sa_handler = nothing}, old;
    struct { void *h; unsigned long flags; void *restorer; unsigned long mask; } k;
    printf("sigaction:");
    for (int n = -1; n < 67; n++) E(syscall(SYS_rt_sigaction, n, NULL, &k, 8)), E(n == SIGKILL || n == SIGSTOP ? syscall(SYS_rt_sigaction, n, &k, NULL, 8) : 0);
    E(syscall(SYS_rt_sigaction, 1, NULL, &k, 4)), E(syscall(SYS_rt_sigaction, 1, BAD, NULL, 8)), E(syscall(SYS_rt_sigaction, 1, NULL, BAD, 8)), E(syscall(SYS_rt_sigaction, 9, BAD, NULL, 8)), E(syscall(SYS_rt_sigaction, 99, BAD, NULL, 8));
    printf("\nflags kept:");
    for (int b = 0; b < 32; b++) {
        memset(&k, 0, sizeof k), k.h = nothing, k.flags = 1u << b | 0x04000000, k.restorer = nothing;
        syscall(SYS_rt_sigaction, SIGUSR1, &k, NULL, 8), syscall(SYS_rt_sigaction, SIGUSR1, NULL, &k, 8);
        printf(" %lx", k.flags);
    }
    memset(&k, 0, sizeof k), k.h = nothing, k.flags = 0x04000000, k.mask = -1, k.restorer = nothing;
    syscall(SYS_rt_sigaction, SIGUSR1, &k, NULL, 8), syscall(SYS_rt_sigaction, SIGUSR1, NULL, &k, 8);
    printf(" %lx", k.mask);
    printf("\nsigprocmask:");
    unsigned long m = 0, o;
    for (int how = -1; how < 4; how++) E(syscall(SYS_rt_sigprocmask, how, &m, &o, 8)), E(syscall(SYS_rt_sigprocmask, how, NULL, &o, 8));
    E(syscall(SYS_rt_sigprocmask, 0, &m, &o, 4)), E(syscall(SYS_rt_sigprocmask, 0, BAD, &o, 8)), E(syscall(SYS_rt_sigprocmask, 0, &m, BAD, 8)), E(syscall(SYS_rt_sigprocmask, 0, NULL, NULL, 8)), E(syscall(SYS_rt_sigprocmask, 0, NULL, NULL, 16));
    E(syscall(SYS_rt_sigpending, &m, 4)), E(syscall(SYS_rt_sigpending, &m, 16)), E(syscall(SYS_rt_sigpending, BAD, 8)), E(syscall(SYS_rt_sigsuspend, &m, 4)), E(syscall(SYS_rt_sigsuspend, BAD, 8));
    struct timespec zero = {0}, odd = {0, 1000000000}, before = {-1, 0};
    m = 0;
    E(syscall(SYS_rt_sigtimedwait, &m, NULL, &zero, 8)), E(syscall(SYS_rt_sigtimedwait, &m, NULL, &odd, 8)), E(syscall(SYS_rt_sigtimedwait, &m, NULL, &before, 8)), E(syscall(SYS_rt_sigtimedwait, BAD, NULL, &zero, 8)), E(syscall(SYS_rt_sigtimedwait, &m, NULL, BAD, 8)), E(syscall(SYS_rt_sigtimedwait, &m, NULL, &zero, 4));
    printf("\nkill:");
    signal(SIGUSR1, SIG_IGN);
    int me = getpid();
    E(kill(me, -1)), E(kill(me, 65)), E(kill(me, 64 + 1000)), E(kill(1 << 30, 0)), E(kill(me, 0)), E(kill(-me, 0) * 0), E(kill(INT_MIN, 0)), E(kill(-(1 << 30), SIGUSR1));
    E(syscall(SYS_tkill, 0, 0)), E(syscall(SYS_tkill, -1, 0)), E(syscall(SYS_tkill, me, 65)), E(syscall(SYS_tkill, 1 << 30, 0)), E(syscall(SYS_tgkill, me, me, 0)), E(syscall(SYS_tgkill, 0, me, 0)), E(syscall(SYS_tgkill, -1, me, 0)), E(syscall(SYS_tgkill, me, 0, 0)), E(syscall(SYS_tgkill, 1 << 30, me, 0));
    for (int code = -7; code < 3; code++) {
        siginfo_t i = {.si_code = code};
        E(syscall(SYS_rt_sigqueueinfo, me, SIGUSR1, &i)), E(syscall(SYS_rt_tgsigqueueinfo, me, me, SIGUSR1, &i));
    }
    siginfo_t i = {.si_code = SI_QUEUE};
    E(syscall(SYS_rt_sigqueueinfo, me, 65, &i)), E(syscall(SYS_rt_sigqueueinfo, me, SIGUSR1, BAD)), E(syscall(SYS_rt_sigqueueinfo, 1 << 30, SIGUSR1, &i)), E(syscall(SYS_rt_tgsigqueueinfo, 0, me, SIGUSR1, &i)), E(syscall(SYS_rt_tgsigqueueinfo, me, -1, SIGUSR1, &i)), E(syscall(SYS_rt_tgsigqueueinfo, me, 1 << 30, SIGUSR1, &i)), E(syscall(SYS_rt_sigqueueinfo, -1, SIGUSR1, &i));
    printf("\nsigaltstack:");
    static char space[65536];
    for (int b = -1; b < 32; b++) {
        stack_t s = {space, b < 0 ? 0 : 1u << b, 65536}, was = {0};
        E(sigaltstack(&s, &was));
        printf("/%x", was.ss_flags);
    }
    stack_t small = {space, 0, 2047}, off = {space, SS_DISABLE, 1};
    E(sigaltstack(&small, NULL)), E(sigaltstack(BAD, NULL)), E(sigaltstack(NULL, BAD)), E(sigaltstack(NULL, NULL)), E(sigaltstack(&off, NULL));
    printf("\nclocks:");
    struct timespec t;
    struct itimerspec its = {{0, 0}, {0, 0}};
    for (int c = -3; c < 20; c++) {
        if (c == 10 || c == -1 || c == -2 || c == 8 || c == 9 || c == -3 || c >= 16) continue; /* alarm clocks may not be there */
        printf(" | %d", c);
        E(clock_getres(c, &t)), E(clock_gettime(c, &t)), E(syscall(SYS_clock_getres, c, NULL)), E(syscall(SYS_clock_gettime, c, BAD)), E(syscall(SYS_clock_nanosleep, c, 0, &zero, NULL)), E(syscall(SYS_clock_nanosleep, c, 0, &odd, NULL)), E(syscall(SYS_clock_nanosleep, c, TIMER_ABSTIME, &zero, NULL)), E(syscall(SYS_clock_nanosleep, c, 0, BAD, NULL)), E(syscall(SYS_clock_nanosleep, c, 0, &before, NULL));
        struct sigevent none_event = {.sigev_notify = SIGEV_NONE};
        int timer;
        E(syscall(SYS_timer_create, c, &none_event, &timer));
        E(({ int fd = timerfd_create(c, 0); if (fd >= 0) close(fd), fd = 0; fd; }));
    }
    printf("\nsettime:");
    E(syscall(SYS_clock_settime, CLOCK_MONOTONIC, &zero)), E(syscall(SYS_clock_settime, 99, &zero)), E(syscall(SYS_clock_settime, CLOCK_REALTIME, BAD)), E(syscall(SYS_clock_settime, CLOCK_REALTIME, &odd)), E(syscall(SYS_clock_settime, CLOCK_PROCESS_CPUTIME_ID, &zero));
    printf("\ntimer_create:");
    for (int notify = -1; notify < 8; notify++)
        for (int signo = -1; signo < 66; signo += 33) {
            struct sigevent e = {.sigev_notify = notify, .sigev_signo = signo};
            e._sigev_un._tid = me;
            int timer;
            E(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &timer));
        }
    struct sigevent e = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
    e._sigev_un._tid = 1 << 30;
    int timer = 0;
    E(syscall(SYS_timer_create, 1, &e, &timer)), E(syscall(SYS_timer_create, 1, BAD, &timer)), E(syscall(SYS_timer_create, 1, NULL, BAD));
    E(syscall(SYS_timer_create, 1, NULL, &timer));
    printf("\ntimer:");
    struct itimerspec bad_ns = {{0, 0}, {0, -1}}, bad_interval = {{-1, 0}, {1, 0}}, negative = {{0, 0}, {-1, 0}};
    E(syscall(SYS_timer_settime, timer, 0, &its, NULL)), E(syscall(SYS_timer_settime, timer, 0, &bad_ns, NULL)), E(syscall(SYS_timer_settime, timer, 0, &bad_interval, NULL)), E(syscall(SYS_timer_settime, timer, 0, &negative, NULL)), E(syscall(SYS_timer_settime, timer, 2, &its, NULL)), E(syscall(SYS_timer_settime, timer, 0, NULL, NULL)), E(syscall(SYS_timer_settime, timer, 0, BAD, NULL)), E(syscall(SYS_timer_settime, timer, 0, &its, BAD)), E(syscall(SYS_timer_settime, 9999, 0, &its, NULL));
    E(syscall(SYS_timer_gettime, timer, &its)), E(syscall(SYS_timer_gettime, timer, BAD)), E(syscall(SYS_timer_gettime, 9999, &its)), E(syscall(SYS_timer_getoverrun, timer)), E(syscall(SYS_timer_getoverrun, 9999)), E(syscall(SYS_timer_delete, 9999)), E(syscall(SYS_timer_delete, timer)), E(syscall(SYS_timer_delete, timer));
    printf("\nitimer:");
    struct itimerval v = {{0, 0}, {0, 0}}, us = {{0, 0}, {0, 1000000}}, minus = {{0, 0}, {-1, 0}};
    for (int w = -1; w < 4; w++) E(getitimer(w, &v)), E(setitimer(w, &v, NULL)), E(syscall(SYS_setitimer, w, NULL, NULL));
    E(setitimer(0, &us, NULL)), E(setitimer(0, &minus, NULL)), E(syscall(SYS_setitimer, 0, BAD, NULL)), E(syscall(SYS_getitimer, 0, BAD));
    printf("\ntimerfd:");
    for (int b = 0; b < 32; b++) E(({ int fd = timerfd_create(CLOCK_MONOTONIC, 1u << b); if (fd >= 0) close(fd), fd = 0; fd; }));
    int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
    for (int b = 0; b < 8; b++) E(timerfd_settime(fd, 1 << b, &its, NULL));
    E(timerfd_settime(fd, 0, &bad_ns, NULL)), E(timerfd_settime(fd, 0, &bad_interval, NULL)), E(timerfd_settime(fd, 0, &negative, NULL)), E(timerfd_gettime(fd, BAD)), E(timerfd_settime(fd, 3, &its, NULL));
    printf("\nothers:");
    for (int b = 0; b < 32; b++) {
        E(({ int x = eventfd(0, 1u << b); if (x >= 0) close(x), x = 0; x; }));
        E(({ int x = epoll_create1(1u << b); if (x >= 0) close(x), x = 0; x; }));
        E(({ int x = inotify_init1(1u << b); if (x >= 0) close(x), x = 0; x; }));
        E(({ int x = syscall(SYS_signalfd4, -1, &m, 8, 1u << b); if (x >= 0) close(x), x = 0; x; }));
        E(({ int p[2], x = pipe2(p, 1u << b == O_DIRECT || 1u << b == 0x80 ? 0 : 1u << b); if (x >= 0) close(p[0]), close(p[1]); x; }));
        E(syscall(SYS_getrandom, &m, 4, b > 2 ? 1u << b : 0) > 0 ? 0 : -1);
    }
    E(epoll_create(0)), E(epoll_create(-1)), E(syscall(SYS_signalfd4, -1, &m, 4, 0)), E(syscall(SYS_signalfd4, -1, BAD, 8, 0)), E(syscall(SYS_signalfd4, -2, &m, 8, 0)), E(syscall(SYS_pipe, BAD));
    printf("\nsleep:");
    E(syscall(SYS_nanosleep, &zero, NULL)), E(syscall(SYS_nanosleep, &odd, NULL)), E(syscall(SYS_nanosleep, &before, NULL)), E(syscall(SYS_nanosleep, BAD, NULL));
    printf("\ncpu sleep:");
    struct timespec some = {0, 30000000}, left = {7, 7};
    pthread_t thread;
    pthread_create(&thread, NULL, spin, NULL);
    E(syscall(SYS_clock_nanosleep, CLOCK_PROCESS_CPUTIME_ID, 0, &some, &left));
    spinning = 0, pthread_join(thread, NULL);
    printf(" %ld", left.tv_sec);
    handle(SIGALRM, nothing, 0);
    struct itimerval soon = {{0, 0}, {0, 30000}};
    setitimer(ITIMER_REAL, &soon, NULL);
    struct timespec much = {50, 0};
    E(syscall(SYS_clock_nanosleep, CLOCK_PROCESS_CPUTIME_ID, 0, &much, &left)); /* nobody uses any */
    printf(" %d", left.tv_sec >= 49);
    puts("");
    return 0;
}

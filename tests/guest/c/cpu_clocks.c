/* Processor time of single threads: their clocks, timers on them, and whom a timer of the process's time signals. */
#include "asleep.h"

static atomic_int tids[3], burnt, mains, others, handled;
static pthread_barrier_t both;
static pid_t main_tid;
static long used(clockid_t clock) {
    struct timespec t;
    if (clock_gettime(clock, &t)) return -1;
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
static void on(int s, siginfo_t *i, void *u) {
    if (syscall(SYS_gettid) == main_tid) mains++;
    else others++;
    handled = i->si_code;
}
static void burn(long ms) {
    long until = used(CLOCK_THREAD_CPUTIME_ID) + ms;
    while (used(CLOCK_THREAD_CPUTIME_ID) < until)
        for (volatile int i = 0; i < 20000; i++) ;
}
static void *busy(void *number) {
    tids[(long)number] = syscall(SYS_gettid);
    pthread_barrier_wait(&both);
    burn(250);
    burnt++;
    pthread_barrier_wait(&both);
    pthread_barrier_wait(&both);
    return NULL;
}
static long ticks(const char *format, int tid) {
    char path[64], line[1024] = "";
    long user = 0, system = 0;
    sprintf(path, format, tid);
    int fd = open(path, O_RDONLY);
    read(fd, line, sizeof line - 1);
    close(fd);
    sscanf(strrchr(line, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &system);
    return user + system;
}
int main(void) {
    struct sigaction a = {.sa_sigaction = on, .sa_flags = SA_SIGINFO | SA_RESTART};
    for (int s = 0; s < 3; s++) sigaction((int[]){SIGPROF, SIGUSR1, SIGUSR2}[s], &a, NULL);
    main_tid = getpid();
    pthread_t threads[2];
    pthread_barrier_init(&both, NULL, 3);
    for (long i = 0; i < 2; i++) pthread_create(&threads[i], NULL, busy, (void *)i);

    clockid_t first;
    MUST(pthread_getcpuclockid(threads[0], &first));
    VAL((int)first < 0);
    timer_t of_main, of_first, of_all;
    struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    SHOW(timer_create(CLOCK_THREAD_CPUTIME_ID, &e, &of_main));
    e.sigev_signo = SIGUSR2;
    SHOW(timer_create(first, &e, &of_first));
    struct itimerspec once = {{0, 0}, {0, 120 * MS}}, left;
    SHOW(timer_settime(of_main, 0, &once, NULL));
    SHOW(timer_settime(of_first, 0, &once, NULL));
    struct itimerval often = {{0, 20000}, {0, 20000}};
    SHOW(setitimer(ITIMER_PROF, &often, NULL));
    pthread_barrier_wait(&both);
    pthread_barrier_wait(&both); /* asleep while the others burn */
    memset(&often, 0, sizeof often);
    SHOW(setitimer(ITIMER_PROF, &often, NULL));
    VAL(burnt);
    printf("main got %s, the others %s\n", mains < 2 ? "hardly any" : "some", others > 5 ? "many" : "few"); /* one when it wakes up last */
    SHOW(timer_gettime(of_main, &left));
    VAL(left.it_value.tv_nsec > 50 * MS);
    SHOW(timer_gettime(of_first, &left));
    VAL(left.it_value.tv_nsec);
    long mine = used(CLOCK_THREAD_CPUTIME_ID), all = used(CLOCK_PROCESS_CPUTIME_ID);
    VAL(mine < 100);
    VAL(all >= 490 && used(first) >= 240 && used(first) < all);
    VAL(ticks("/proc/self/task/%d/stat", main_tid) < 10);
    VAL(ticks("/proc/self/task/%d/stat", tids[1]) >= 23);
    VAL(ticks("/proc/%d/stat", main_tid) >= 47);
    struct rusage u;
    MUST(getrusage(RUSAGE_THREAD, &u));
    VAL(u.ru_utime.tv_sec == 0 && u.ru_utime.tv_usec < 100000);
    pthread_barrier_wait(&both);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    SHOW(timer_create(first, &e, &of_all));
    SHOW(timer_gettime(of_first, &left));
    VAL(left.it_value.tv_nsec);

    /* Another process's. */
    int ends[2];
    MUST(pipe(ends));
    pid_t child = fork();
    if (!child) {
        burn(150);
        write(ends[1], "b", 1);
        pause();
    }
    clockid_t theirs;
    SHOW(clock_getcpuclockid(child, &theirs));
    e.sigev_signo = SIGUSR1, mains = others = 0;
    SHOW(timer_create(theirs, &e, &of_all));
    once.it_value.tv_nsec = 60 * MS;
    SHOW(timer_settime(of_all, 0, &once, NULL));
    char byte;
    SHOW(read(ends[0], &byte, 1));
    for (int i = 0; i < 1000 && !mains; i++) nap(1);
    VAL(mains);
    VAL(handled == SI_TIMER);
    SHOW(timer_create(((~child) << 3) | 6, &e, &of_main)); /* a thread of it */
    kill(child, SIGKILL), waitpid(child, NULL, 0);
    SHOW(timer_create(theirs, &e, &of_main));
    SHOW(timer_create(-5, &e, &of_main));
    SHOW(timer_settime(of_all, 0, &once, NULL));
    return 0;
}

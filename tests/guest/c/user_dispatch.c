// private
/* PR_SET_SYSCALL_USER_DISPATCH: calls that a thread keeps for itself. */
#include "t.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ptrace.h>
#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif
#define GET_CONFIG 0x4211
#define SET_CONFIG 0x4210

static volatile char selector;
static volatile int told, number, code, arch, error, at_site;
static volatile long rax_seen;
extern char site[], site_end[];
/* A call from an address of our own. */
long call_here(long nr, long a, long b, long c);
asm("call_here: mov %rdi, %rax\n mov %rsi, %rdi\n mov %rdx, %rsi\n mov %rcx, %rdx\n site: syscall\n site_end: ret\n");

static void on_sys(int signo, siginfo_t *info, void *context) {
    ucontext_t *u = context;
    selector = 0;
    told++;
    number = info->si_syscall;
    code = info->si_code;
    arch = info->si_arch;
    error = info->si_errno;
    at_site = (char *)info->si_call_addr == site_end;
    rax_seen = u->uc_mcontext.gregs[REG_RAX];
    if ((char *)u->uc_mcontext.gregs[REG_RIP] == site_end) u->uc_mcontext.gregs[REG_RAX] = 4711;
}
static void show(const char *what) {
    printf("%s: told %d nr %d code %d arch %x errno %d site %d rax %ld\n", what, told, number, code, arch, error, at_site, rax_seen);
    told = 0;
}
static int on(unsigned long offset, unsigned long length, volatile char *where) {
    return prctl(PR_SET_SYSCALL_USER_DISPATCH, 1, offset, length, where);
}
static int off(void) { return prctl(PR_SET_SYSCALL_USER_DISPATCH, 0, 0, 0, 0); }

static void errors(void) {
    SHOW(prctl(PR_SET_SYSCALL_USER_DISPATCH, 77, 0, 0, 0));
    SHOW(prctl(PR_SET_SYSCALL_USER_DISPATCH, 0, 1, 0, 0));
    SHOW(prctl(PR_SET_SYSCALL_USER_DISPATCH, 0, 0, 1, 0));
    SHOW(prctl(PR_SET_SYSCALL_USER_DISPATCH, 0, 0, 0, &selector));
    SHOW(prctl(PR_SET_SYSCALL_USER_DISPATCH, 1, 4096, 0, 0));
    SHOW(prctl(PR_SET_SYSCALL_USER_DISPATCH, 1, -1L, 1, 0));
    SHOW(prctl(PR_SET_SYSCALL_USER_DISPATCH, 1, 4096, -4096L, 0));
    SHOW(prctl(PR_SET_SYSCALL_USER_DISPATCH, 1, 1, -1L, -1L));
    SHOW(off());
}
static void by_selector(void) {
    selector = 0;
    MUST(on(0, 0, &selector));
    long pid = getpid();
    selector = 1;
    long r = call_here(SYS_getpid, 1, 2, 3);
    show("getpid by the selector");
    VAL(r);
    selector = 1;
    r = call_here(4242, 1, 2, 3);
    show("a number that nobody has");
    selector = 1;
    r = call_here(-1, 1, 2, 3);
    show("minus one");
    selector = 1;
    r = call_here(SYS_write, 1, 8, 1);
    show("write");
    VAL(call_here(SYS_getpid, 0, 0, 0) == pid);
    selector = 1; /* many, so that hot sites are told too */
    for (int n = 0; n < 3000; n++) {
        selector = 1;
        r = getppid();
        if (!selector) continue;
        selector = 0;
        printf("call %d was not told\n", n);
        break;
    }
    printf("getppid in a loop: %d told\n", told);
    told = 0;
    for (int n = 0; n < 1000; n++) sched_yield();
    selector = 1;
    sched_yield();
    show("sched_yield after many");
    MUST(off());
}
static void by_range(void) {
    unsigned long first = (unsigned long)site, length = site_end - site + 1;
    unsigned long low = (unsigned long)&call_here & ~0xfffUL;
    MUST(on(0, 1UL << 63, 0));
    printf("all of the memory: %d\n", call_here(SYS_getppid, 0, 0, 0) == getppid());
    MUST(on(low, 0x100000, &selector)); /* this program's text, but not the library's */
    selector = 1;
    long r = call_here(SYS_getppid, 0, 0, 0);
    getppid();
    show("getppid of the library");
    VAL(r == getppid());
    MUST(off());
}
static atomic_int go;
static void *thread(void *arg) {
    while (!go); /* until the first thread has nothing told any more */
    selector = 1;
    getppid();
    selector = 0;
    return NULL;
}
static void who_has_it(void) {
    MUST(on(0, 0, &selector));
    pid_t c = fork();
    if (!c) {
        selector = 1;
        getppid();
        selector = 0;
        printf("child: told %d\n", told);
        _exit(0);
    }
    reap(c);
    pthread_t t;
    pthread_create(&t, NULL, thread, NULL);
    MUST(off());
    go = 1;
    pthread_join(t, NULL);
    printf("thread: told %d\n", told);
    told = 0;
    if (!fork()) {
        MUST(on(0, 0, &selector));
        execl("/bin/echo", "echo", "executed", NULL);
        _exit(1);
    }
    int s;
    MUST(wait(&s));
    show_status(s);
}
static void in_child(void (*f)(void)) {
    pid_t c = fork();
    if (!c) {
        f();
        printf("still here\n");
        _exit(3);
    }
    int s;
    MUST(waitpid(c, &s, 0));
    if (WIFSIGNALED(s)) printf("killed by %d\n", WTERMSIG(s));
    else show_status(s);
}
static void bad_state(void) {
    selector = 0;
    MUST(on(0, 0, &selector));
    selector = 2;
    getppid();
    selector = 0;
}
static void bad_address(void) {
    MUST(on(0, 0, (char *)8));
    getppid();
}
static void blocked(void) {
    sigset_t set;
    sigfillset(&set);
    MUST(sigprocmask(SIG_SETMASK, &set, NULL));
    MUST(on(0, 0, &selector));
    selector = 1;
    getppid();
    selector = 0;
}
static void ignored(void) {
    signal(SIGSYS, SIG_IGN);
    MUST(on(0, 0, &selector));
    selector = 1;
    getppid();
    selector = 0;
}
/* It comes before a filter, and what it lets through is the filter's. */
static void with_filter(void) {
    struct sock_filter f[] = {{0x20, 0, 0, 0}, {0x15, 0, 1, SYS_getppid}, {6, 0, 0, SECCOMP_RET_ERRNO | 77}, {6, 0, 0, SECCOMP_RET_ALLOW}};
    struct sock_fprog p = {4, f};
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    MUST(on(0, 0, &selector));
    MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p));
    selector = 1;
    getppid();
    show("with a filter");
    SHOW(getppid());
    MUST(off());
    SHOW(getppid());
}
static void config(const char *what, pid_t c) {
    unsigned long words[4] = {9, 9, 9, 9};
    long r = ptrace(GET_CONFIG, c, 32, words);
    printf("%s: %ld mode %ld selector %d offset %ld length %ld\n", what, r, words[0], (char *)words[1] == &selector, words[2], words[3]);
}
static void traced(void) {
    pid_t c = fork();
    int s;
    if (!c) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        MUST(on(0, 0, &selector));
        raise(SIGSTOP);
        selector = 1;
        getppid();
        printf("traced: told %d\n", told);
        raise(SIGSTOP);
        told = 0;
        selector = 1;
        getppid();
        selector = 0;
        printf("traced, without: told %d\n", told);
        _exit(0);
    }
    MUST(waitpid(c, &s, 0));
    show_status(s);
    config("there", c);
    SHOW(ptrace(GET_CONFIG, c, 24, BAD));
    SHOW(ptrace(GET_CONFIG, c, 32, BAD));
    SHOW(ptrace(SET_CONFIG, c, 24, BAD));
    SHOW(ptrace(SET_CONFIG, c, 32, BAD));
    unsigned long words[4] = {1, 0, 4096, 0};
    SHOW(ptrace(SET_CONFIG, c, 32, words));
    MUST(ptrace(PTRACE_SYSCALL, c, 0, 0));
    MUST(waitpid(c, &s, 0)); /* the end of raise's call */
    show_status(s);
    MUST(ptrace(PTRACE_CONT, c, 0, 0));
    MUST(waitpid(c, &s, 0));
    show_status(s);
    siginfo_t info;
    MUST(ptrace(PTRACE_GETSIGINFO, c, 0, &info));
    printf("code %d nr %d\n", info.si_code, info.si_syscall);
    MUST(ptrace(PTRACE_CONT, c, 0, SIGSYS));
    MUST(waitpid(c, &s, 0));
    show_status(s);
    unsigned long none[4] = {0, 0, 0, 0};
    SHOW(ptrace(SET_CONFIG, c, 32, none));
    config("gone", c);
    MUST(ptrace(PTRACE_CONT, c, 0, 0));
    MUST(waitpid(c, &s, 0));
    show_status(s);
}
int main(void) {
    struct sigaction a = {.sa_sigaction = on_sys, .sa_flags = SA_SIGINFO};
    struct rlimit none = {0, 0};
    MUST(setrlimit(RLIMIT_CORE, &none));
    MUST(sigaction(SIGSYS, &a, NULL));
    errors();
    by_selector();
    by_range();
    who_has_it();
    in_child(bad_state);
    in_child(bad_address);
    in_child(blocked);
    in_child(ignored);
    in_child(with_filter);
    traced();
    return 0;
}

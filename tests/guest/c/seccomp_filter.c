// private
#include "t.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#define NR 0
#define ARCH 4
#define IP 8
#define ARG(n) (16 + 8 * (n))
#define LOAD(k) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, k)
#define EQ(k, t, f) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, t, f)
#define RET(k) BPF_STMT(BPF_RET | BPF_K, k)
#define INSTALL(...)                                                              \
    ({                                                                            \
        struct sock_filter f_[] = {__VA_ARGS__};                                  \
        struct sock_fprog p_ = {sizeof f_ / sizeof *f_, f_};                      \
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &p_);                    \
    })
/* The action for one call, everything else is allowed. */
#define FOR(call, action) INSTALL(LOAD(NR), EQ(call, 0, 1), RET(action), RET(SECCOMP_RET_ALLOW))

static void status(void) {
    char line[256];
    FILE *f = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, f))
        if (!strncmp(line, "Seccomp", 7) || !strncmp(line, "NoNewPrivs", 10)) printf("%s", line);
    fclose(f);
}
static void child(void (*body)(void)) {
    fflush(stdout);
    pid_t c = fork();
    if (c == 0) {
        body();
        _exit(0);
    }
    reap(c);
}
static void errnos(void) {
    SHOW(FOR(SYS_getppid, SECCOMP_RET_ERRNO | 77));
    SHOW(syscall(SYS_getppid));
    SHOW(FOR(SYS_getpgrp, SECCOMP_RET_ERRNO));
    SHOW(syscall(SYS_getpgrp));
    SHOW(FOR(SYS_getsid, SECCOMP_RET_ERRNO | 0xffff));
    VAL(syscall(SYS_getsid, 0) == -1 && errno == 4095);
    SHOW(FOR(SYS_getegid, SECCOMP_RET_TRACE | 5));
    SHOW(syscall(SYS_getegid));
    SHOW(FOR(SYS_getgid, SECCOMP_RET_LOG));
    SHOW(syscall(SYS_getgid));
    SHOW(FOR(5000, SECCOMP_RET_ERRNO | EXDEV)); /* numbers that no kernel has */
    SHOW(syscall(5000));
    SHOW(syscall(5001));
    SHOW(FOR(-7, SECCOMP_RET_ERRNO | EXFULL));
    SHOW(syscall(-7));
    SHOW(FOR(0x40000000 | SYS_getpid, SECCOMP_RET_ERRNO | EBFONT));
    SHOW(syscall(0x40000000 | SYS_getpid));
    SHOW(prctl(PR_GET_SECCOMP));
    status();
    SHOW(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
}
static void arguments(void) {
    SHOW(INSTALL(LOAD(ARCH), EQ(AUDIT_ARCH_X86_64, 1, 0), RET(SECCOMP_RET_KILL_PROCESS), LOAD(NR), EQ(SYS_dup3, 0, 5),
                 LOAD(ARG(0)), EQ(0x89abcdef, 0, 3), LOAD(ARG(0) + 4), EQ(0x1234567, 0, 1),
                 RET(SECCOMP_RET_ERRNO | ECHRNG), RET(SECCOMP_RET_ALLOW)));
    SHOW(syscall(SYS_dup3, 0x0123456789abcdefUL, 0, 0));
    SHOW(syscall(SYS_dup3, 0x0123456689abcdefUL, 0, 0));
    SHOW(syscall(SYS_dup3, 0x0123456789abcdeeUL, 0, 0));
    SHOW(INSTALL(LOAD(NR), EQ(SYS_dup3, 0, 4), LOAD(ARG(5)), EQ(6, 0, 2), LOAD(ARG(5) + 4),
                 BPF_STMT(BPF_RET | BPF_A, 0), RET(SECCOMP_RET_ALLOW)));
    SHOW(syscall(SYS_dup3, -1, 0, 0, 0, 0, (SECCOMP_RET_ERRNO | 3UL) << 32 | 6));
    SHOW(syscall(SYS_dup3, -1, 0, 0, 0, 0, (SECCOMP_RET_ERRNO | 4UL) << 32 | 6));
    SHOW(syscall(SYS_dup3, -1, 0, 0, 0, 0, (SECCOMP_RET_ERRNO | 4UL) << 32 | 7));
}
static void precedence(void) {
    unsigned actions[] = {SECCOMP_RET_LOG,           SECCOMP_RET_TRACE,         SECCOMP_RET_ERRNO | 1,
                          SECCOMP_RET_ERRNO | 2,     SECCOMP_RET_TRACE,         SECCOMP_RET_ALLOW,
                          SECCOMP_RET_LOG};
    for (int i = 0; i < 7; i++) {
        MUST(FOR(SYS_getuid, actions[i]));
        SHOW(syscall(SYS_getuid));
    }
    MUST(FOR(SYS_getuid, SECCOMP_RET_KILL_THREAD));
    MUST(FOR(SYS_getuid, SECCOMP_RET_TRAP));
    syscall(SYS_getuid);
    printf("not reached\n");
}
static void trapped(int signo, siginfo_t *info, void *context) {
    ucontext_t *u = context;
    printf("signal %d code %d errno %d call %d arch %x rax %lld at %d\n", signo, info->si_code, info->si_errno,
           info->si_syscall, info->si_arch, u->uc_mcontext.gregs[REG_RAX],
           (long)info->si_call_addr == u->uc_mcontext.gregs[REG_RIP]);
    u->uc_mcontext.gregs[REG_RAX] = 4242;
}
static void traps(void) {
    struct sigaction s = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO};
    MUST(sigaction(SIGSYS, &s, NULL));
    MUST(FOR(SYS_getppid, SECCOMP_RET_TRAP | 321));
    SHOW(syscall(SYS_getppid));
    MUST(FOR(7777, SECCOMP_RET_TRAP | 1));
    SHOW(syscall(7777));
    sigset_t all;
    sigfillset(&all);
    MUST(sigprocmask(SIG_BLOCK, &all, NULL));
    syscall(SYS_getppid);
    printf("not reached\n");
}
static void trap_default(void) {
    MUST(FOR(SYS_getppid, SECCOMP_RET_TRAP));
    syscall(SYS_getppid);
    printf("not reached\n");
}
static void trap_ignored(void) {
    signal(SIGSYS, SIG_IGN);
    MUST(FOR(SYS_getppid, SECCOMP_RET_TRAP));
    syscall(SYS_getppid);
    printf("not reached\n");
}
static void on_sigsys(int s) { printf("never\n"); }
static void kill_process(void) {
    signal(SIGSYS, on_sigsys);
    MUST(FOR(SYS_getppid, SECCOMP_RET_KILL_PROCESS));
    syscall(SYS_getppid);
}
static void kill_single(void) {
    signal(SIGSYS, on_sigsys);
    MUST(FOR(SYS_getppid, SECCOMP_RET_KILL_THREAD));
    syscall(SYS_getppid);
}
static void unknown_action(void) {
    MUST(FOR(SYS_getppid, 0x12340000));
    syscall(SYS_getppid);
}
static void *dies(void *unused) {
    MUST(FOR(SYS_getppid, SECCOMP_RET_KILL_THREAD));
    syscall(SYS_getppid);
    return NULL;
}
static void kill_thread(void) {
    pthread_t thread;
    MUST(pthread_create(&thread, NULL, dies, NULL));
    DIR *d;
    int left;
    do {
        left = 0;
        d = opendir("/proc/self/task");
        while (readdir(d)) left++;
        closedir(d);
    } while (left > 3);
    SHOW(prctl(PR_GET_SECCOMP));
    SHOW(syscall(SYS_getppid) > 0);
}
static void *kills_all(void *unused) {
    MUST(FOR(SYS_getppid, SECCOMP_RET_KILL_PROCESS));
    syscall(SYS_getppid);
    return NULL;
}
static void kill_process_of_thread(void) {
    pthread_t thread;
    MUST(pthread_create(&thread, NULL, kills_all, NULL));
    pthread_join(thread, NULL);
    pause();
}
int main(void) {
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    status();
    child(errnos);
    child(arguments);
    child(precedence);
    child(traps);
    child(trap_default);
    child(trap_ignored);
    child(kill_process);
    child(kill_single);
    child(unknown_action);
    child(kill_thread);
    child(kill_process_of_thread);
    SHOW(prctl(PR_GET_SECCOMP));
    status();
    return 0;
}

// private
#include "t.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
static int install(int call, unsigned action, unsigned flags) {
    struct sock_filter f[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
                              BPF_STMT(BPF_RET | BPF_K, action), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog p = {4, f};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &p);
}
static pthread_barrier_t step;
static int own_filter, tid;
static void *other(void *unused) {
    tid = syscall(SYS_gettid);
    if (own_filter) MUST(install(SYS_getsid, SECCOMP_RET_ERRNO | 9, 0));
    pthread_barrier_wait(&step);
    pthread_barrier_wait(&step);
    printf("other: mode %d nnp %d ", prctl(PR_GET_SECCOMP), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    SHOW(syscall(SYS_getppid) > 0);
    return NULL;
}
static void with_thread(int own, int before, int nnp_late) {
    fflush(stdout);
    pid_t c = fork();
    if (c == 0) {
        own_filter = own;
        if (!nnp_late) MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        if (before) MUST(install(SYS_getpgrp, SECCOMP_RET_ERRNO | 3, 0));
        pthread_barrier_init(&step, NULL, 2);
        pthread_t thread;
        MUST(pthread_create(&thread, NULL, other, NULL));
        pthread_barrier_wait(&step);
        MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        errno = 0;
        int r = install(SYS_getppid, SECCOMP_RET_ERRNO | 44, SECCOMP_FILTER_FLAG_TSYNC);
        printf("tsync own %d before %d: %s %s\n", own, before, r == tid ? "the thread" : r ? "failed" : "0", ename(errno));
        if (r) SHOW(install(SYS_getppid, SECCOMP_RET_ERRNO | 44, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH));
        SHOW(syscall(SYS_getppid) > 0);
        SHOW(prctl(PR_GET_SECCOMP));
        pthread_barrier_wait(&step);
        pthread_join(thread, NULL);
        fflush(stdout);
        _exit(0);
    }
    reap(c);
}
static void filters(void) {
    char line[256];
    FILE *f = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, f))
        if (!strncmp(line, "Seccomp", 7)) printf("%s", line);
    fclose(f);
}
int main(int argc, char **argv) {
    if (argc > 1) {
        SHOW(syscall(SYS_getppid));
        filters();
        return 0;
    }
    with_thread(0, 0, 0);
    with_thread(0, 0, 1);
    with_thread(0, 1, 0);
    with_thread(1, 0, 0);
    with_thread(1, 1, 0);
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    MUST(install(SYS_getppid, SECCOMP_RET_ERRNO | 55, 0));
    MUST(install(SYS_getpgrp, SECCOMP_RET_ERRNO | 56, 0));
    pid_t c = fork();
    if (c == 0) {
        SHOW(syscall(SYS_getppid));
        filters();
        fflush(stdout);
        execl("/proc/self/exe", "x", "again", NULL);
    }
    reap(c);
    /* The limit for a chain counts what Linux makes of the instructions. */
    static struct sock_filter many[4096];
    for (int i = 0; i < 4095; i++) many[i] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, i);
    many[4095] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog p = {4096, many};
    int count = 0;
    while ((errno = 0, prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p)) == 0) count++;
    printf("%d of 4096, then %s\n", count, ename(errno));
    int length = 1;
    for (int step = 2048; step; step >>= 1) {
        p.len = length + step - 1;
        p.filter = many + 4096 - p.len;
        c = fork();
        if (c == 0) _exit(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p) != 0);
        int s;
        MUST(waitpid(c, &s, 0));
        if (s == 0) length += step;
    }
    printf("one more of up to %d\n", length - 1);
    for (int i = 0; i < 1000; i++)
        many[i] = (struct sock_filter)BPF_JUMP(BPF_JMP | (i & 1 ? BPF_JSET : BPF_JEQ) | BPF_K, i & 2 ? -1 : 1, i & 4 ? 1 : 0, i & 8 ? 1 : 0);
    many[1000] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0);
    many[1001] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
    p.len = 1002;
    p.filter = many;
    SHOW(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p));
    return 0;
}

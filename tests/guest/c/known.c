#include "t.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

/* Who somebody is, asked so often that a platform may know it by heart, and what may change it. */
static const int calls[] = {SYS_getpid, SYS_gettid, SYS_getppid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid};
#define CALLS (int)(sizeof calls / sizeof *calls)

static void ask(long *first) {
    for (int n = 0; n < 300; n++)
        for (int i = 0; i < CALLS; i++) {
            long got = syscall(calls[i]);
            if (n && got != first[i]) printf("call %d changed\n", calls[i]);
            first[i] = got;
        }
}

static void *thread(void *main_ids) {
    long ids[CALLS], *mine = main_ids;
    ask(ids);
    VAL(ids[0] == mine[0]);
    VAL(ids[1] != mine[1]);
    VAL(ids[2] == mine[2]);
    return 0;
}

static void child(long *parent, int go, int done) {
    long ids[CALLS];
    ask(ids);
    VAL(ids[0] == ids[1]);
    VAL(ids[0] != parent[0]);
    VAL(ids[2] == parent[0]);
    write(done, "x", 1);
    char c;
    while (read(go, &c, 1) > 0) {} /* the parent has ended */
    for (int n = 0; syscall(SYS_getppid) == parent[0] && n < 1000000; n++) {}
    VAL(syscall(SYS_getppid) == parent[0]);
    fflush(stdout);
    write(done, "y", 1);
    _exit(0);
}

static void orphan(void) {
    int go[2], done[2];
    char c;
    MUST(pipe(go));
    MUST(pipe(done));
    fflush(stdout);
    pid_t middle = MUST(fork());
    if (!middle) {
        long ids[CALLS];
        ask(ids);
        close(done[0]);
        if (!MUST(fork())) {
            close(go[1]);
            child(ids, go[0], done[1]);
        }
        pause();
    }
    close(go[0]);
    close(done[1]);
    MUST(read(done[0], &c, 1));
    MUST(kill(middle, SIGKILL));
    MUST(waitpid(middle, 0, 0));
    close(go[1]);
    MUST(read(done[0], &c, 1));
    while (read(done[0], &c, 1) > 0) {}
}

static void filtered(void) {
    fflush(stdout);
    pid_t p = MUST(fork());
    if (!p) {
        long ids[CALLS];
        ask(ids);
        struct sock_filter code[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 77),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog filter = {4, code};
        MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter));
        SHOW(syscall(SYS_getppid));
        VAL(syscall(SYS_getpid) == ids[0]);
        fflush(stdout);
        _exit(0);
    }
    MUST(waitpid(p, 0, 0));
}

static void set(void) {
    fflush(stdout);
    pid_t p = MUST(fork());
    if (!p) {
        long ids[CALLS];
        ask(ids);
        long result = syscall(SYS_setresuid, -1, 1234, -1);
        VAL(result == 0 ? syscall(SYS_geteuid) == 1234 : syscall(SYS_geteuid) == ids[4]);
        VAL(syscall(SYS_getuid) == ids[3]);
        fflush(stdout);
        _exit(0);
    }
    MUST(waitpid(p, 0, 0));
}

static void traced(void) {
    fflush(stdout);
    pid_t p = MUST(fork());
    if (!p) {
        long ids[CALLS];
        ask(ids);
        MUST(ptrace(PTRACE_TRACEME, 0, 0, 0));
        raise(SIGSTOP);
        for (int n = 0; n < 5; n++) syscall(SYS_getppid);
        _exit(0);
    }
    int status, stops = 0;
    MUST(waitpid(p, &status, 0));
    for (;;) {
        MUST(ptrace(PTRACE_SYSCALL, p, 0, 0));
        MUST(waitpid(p, &status, 0));
        if (WIFEXITED(status)) break;
        stops++;
    }
    VAL(stops >= 10);
}

int main(void) {
    long ids[CALLS];
    ask(ids);
    pthread_t other;
    pthread_create(&other, 0, thread, ids);
    pthread_join(other, 0);
    orphan();
    filtered();
    set();
    traced();
    ask(ids);
    return 0;
}

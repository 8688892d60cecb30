// private
#include "container_caps.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#define S(code, k) BPF_STMT(code, k)
#define J(code, k, t, f) BPF_JUMP(code, k, t, f)
#define RET BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define TRY(...)                                                    \
    do {                                                            \
        struct sock_filter f_[] = {__VA_ARGS__};                    \
        struct sock_fprog p_ = {sizeof f_ / sizeof *f_, f_};        \
        attempt(#__VA_ARGS__, &p_);                                 \
    } while (0)

/* In a child: a filter stays. */
static void attempt(const char *what, struct sock_fprog *program) {
    fflush(stdout);
    pid_t c = fork();
    if (c == 0) {
        errno = 0;
        int r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program);
        printf("%s: %d %s\n", what, r, ename(errno));
        fflush(stdout);
        _exit(0);
    }
    MUST(waitpid(c, NULL, 0));
}
int main(void) {
    as_in_container();
    struct sock_filter one[] = {RET};
    struct sock_fprog good = {1, one}, none = {0, one}, null = {1, NULL}, bad = {1, BAD}, large = {4097, one};
    SHOW(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &good));
    SHOW(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &none));
    SHOW(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &bad));
    SHOW(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &null));
    SHOW(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0x4000, &good));
    SHOW(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL));
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    attempt("none", &none);
    attempt("null", &null);
    attempt("bad", &bad);
    attempt("large", &large);
    attempt("good", &good);
    for (unsigned flag = 1; flag; flag <<= 1)
        if (flag != 8 && flag != 32) {
            errno = 0;
            syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flag, NULL);
            printf("flag %x: %s\n", flag, ename(errno));
        }
    SHOW(syscall(SYS_seccomp, 4, 0, NULL));
    SHOW(syscall(SYS_seccomp, -1, 0, NULL));
    unsigned actions[] = {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO,
                          SECCOMP_RET_TRACE, SECCOMP_RET_LOG, SECCOMP_RET_ALLOW, 5, SECCOMP_RET_ERRNO | 1, 0x7fff0001};
    for (int i = 0; i < 10; i++) SHOW(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &actions[i]));
    SHOW(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 1, &actions[0]));
    SHOW(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, BAD));
    unsigned short sizes[3];
    SHOW(syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, sizes));
    SHOW(syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 1, sizes));
    SHOW(syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, BAD));
    printf("%d %d %d\n", sizes[0], sizes[1], sizes[2]);

    TRY(S(BPF_LD | BPF_W | BPF_ABS, 0));
    TRY(J(BPF_JMP | BPF_JA, 0, 0, 0));
    TRY(S(BPF_LD | BPF_W | BPF_ABS, 64), RET);
    TRY(S(BPF_LD | BPF_W | BPF_ABS, 60), RET);
    TRY(S(BPF_LD | BPF_W | BPF_ABS, 2), RET);
    TRY(S(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF), RET);
    TRY(S(BPF_LD | BPF_H | BPF_ABS, 0), RET);
    TRY(S(BPF_LD | BPF_B | BPF_ABS, 0), RET);
    TRY(S(BPF_LD | BPF_W | BPF_IND, 0), RET);
    TRY(S(BPF_LD | BPF_W | BPF_LEN, 0), RET);
    TRY(S(BPF_LDX | BPF_W | BPF_LEN, 0), RET);
    TRY(S(BPF_LDX | BPF_B | BPF_MSH, 0), RET);
    TRY(S(BPF_LD | BPF_IMM, 7), RET);
    TRY(S(BPF_LDX | BPF_IMM, 7), RET);
    TRY(S(BPF_LD | BPF_MEM, 0), RET);
    TRY(S(BPF_ST, 16), RET);
    TRY(S(BPF_STX, 15), S(BPF_LDX | BPF_MEM, 15), RET);
    TRY(J(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), S(BPF_ST, 3), S(BPF_LD | BPF_MEM, 3), RET);
    TRY(J(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), S(BPF_ST, 3), S(BPF_STX, 3), S(BPF_LD | BPF_MEM, 3), RET);
    TRY(J(BPF_JMP | BPF_JA, 1, 0, 0), S(BPF_ST, 3), S(BPF_LD | BPF_MEM, 3), RET);
    TRY(RET, S(BPF_LD | BPF_MEM, 3), RET);
    TRY(S(BPF_ALU | BPF_DIV | BPF_K, 0), RET);
    TRY(S(BPF_ALU | BPF_DIV | BPF_X, 0), RET);
    TRY(S(BPF_ALU | BPF_MOD | BPF_K, 3), RET);
    TRY(S(BPF_ALU | BPF_LSH | BPF_K, 31), RET);
    TRY(S(BPF_ALU | BPF_LSH | BPF_K, 32), RET);
    TRY(S(BPF_ALU | BPF_RSH | BPF_K, 32), RET);
    TRY(S(BPF_ALU | BPF_RSH | BPF_X, 32), RET);
    TRY(S(BPF_ALU | BPF_NEG, 0), S(BPF_ALU | BPF_XOR | BPF_K, 1), RET);
    TRY(S(BPF_ALU | BPF_NEG | BPF_X, 0), RET);
    TRY(J(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), RET);
    TRY(J(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), RET);
    TRY(J(BPF_JMP | BPF_JSET | BPF_X, 0, 0, 0), RET);
    TRY(J(BPF_JMP | BPF_JA, 1, 0, 0), RET);
    TRY(J(BPF_JMP | BPF_JA, 0xffffffff, 0, 0), RET);
    TRY(S(BPF_RET | BPF_A, 0));
    TRY(S(BPF_RET | BPF_X, 0));
    TRY(S(BPF_MISC | BPF_TAX, 0), S(BPF_MISC | BPF_TXA, 0), RET);
    TRY(S(0xffff, 0), RET);
    TRY(S(BPF_JMP | 0x50, 0), RET);
    return 0;
}

// private
#include "t.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
/* A filter computes on the first two arguments of one call, and answers the result as the errno. */
static int install(unsigned short code, unsigned k, int with_x) {
    struct sock_filter f[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgid, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 24),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16),
        BPF_STMT(code, k),
        BPF_STMT(BPF_ST, 2),
        BPF_STMT(BPF_LDX | BPF_MEM, 2),
        BPF_STMT(BPF_LD | BPF_IMM, 0),
        BPF_STMT(BPF_MISC | BPF_TXA, 0),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xfff),
        BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    struct sock_fprog p = {sizeof f / sizeof *f, f};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p);
}
static void jump(unsigned short code, unsigned k, unsigned a, unsigned x) {
    fflush(stdout);
    pid_t c = fork();
    if (c == 0) {
        struct sock_filter f[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgid, 1, 0),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
            BPF_STMT(BPF_LDX | BPF_IMM, x),
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16),
            BPF_JUMP(code, k, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 2),
        };
        struct sock_fprog p = {sizeof f / sizeof *f, f};
        MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p));
        errno = 0;
        syscall(SYS_getpgid, a);
        printf("jump %x k %x a %x x %x: %s\n", code, k, a, x, errno == 1 ? "yes" : "no");
        fflush(stdout);
        _exit(0);
    }
    MUST(waitpid(c, NULL, 0));
}
int main(void) {
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    unsigned short ops[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR, BPF_AND, BPF_LSH, BPF_RSH, BPF_NEG, BPF_XOR};
    unsigned values[][2] = {{7, 3}, {0xfffffff0, 31}, {3, 0xffffffff}, {0x80000001, 0x80000001}, {0, 1}, {5, 33}};
    for (int i = 0; i < 10; i++)
        for (int with_x = 0; with_x < 2; with_x++)
            for (int v = 0; v < 6; v++) {
                unsigned k = values[v][1];
                if (!with_x && (ops[i] == BPF_LSH || ops[i] == BPF_RSH) && k > 31) continue;
                if (with_x && ops[i] == BPF_NEG) continue;
                fflush(stdout);
                pid_t c = fork();
                if (c == 0) {
                    MUST(install(BPF_ALU | ops[i] | (with_x ? BPF_X : BPF_K), with_x ? 0 : k, with_x));
                    errno = 0;
                    int r = syscall(SYS_getpgid, values[v][0], values[v][1]);
                    printf("op %x %s %x %x: %d %d\n", ops[i], with_x ? "x" : "k", values[v][0], values[v][1], r, errno);
                    fflush(stdout);
                    _exit(0);
                }
                reap(c);
            }
    unsigned short jumps[] = {BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET};
    unsigned as[] = {5, 0x80000000, 4, 0xffffffff};
    for (int i = 0; i < 4; i++)
        for (int n = 0; n < 4; n++) {
            jump(BPF_JMP | jumps[i] | BPF_K, 5, as[n], 0);
            jump(BPF_JMP | jumps[i] | BPF_K, 0x80000000, as[n], 0);
            jump(BPF_JMP | jumps[i] | BPF_X, 0, as[n], 4);
        }
    pid_t c = fork(); /* by zero: the filter returns 0, which kills */
    if (c == 0) {
        MUST(install(BPF_ALU | BPF_DIV | BPF_X, 0, 1));
        syscall(SYS_getpgid, 5, 0);
        _exit(0);
    }
    reap(c);
    return 0;
}

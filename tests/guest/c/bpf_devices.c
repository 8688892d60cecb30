// admin
/* bpf(2) for devices of control groups: what the verifier refuses, attaching with each flag, who inherits, what is asked of
   open, access and mknod, queries, ids, ends. */
#define _GNU_SOURCE
#include "cgroup_files.h"
#include <linux/bpf.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#define I(c, d, s, o, i) {.code = c, .dst_reg = d, .src_reg = s, .off = o, .imm = i}
#define MOV(d, i) I(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define LDW(d, s, o) I(BPF_LDX | BPF_MEM | BPF_W, d, s, o, 0)
#define EXIT I(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define LEN(a) (sizeof(a) / sizeof *(a))
typedef struct bpf_insn insn;

static int bpf(int cmd, union bpf_attr *a) { return syscall(SYS_bpf, cmd, a, sizeof *a); }
static const char *why(long r) { return r < 0 ? strerrorname_np(errno) : "ok"; }
static int load(const insn *code, int count) {
    union bpf_attr a = {.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE, .insns = (uintptr_t)code, .insn_cnt = count,
                        .license = (uintptr_t) "GPL", .prog_name = "devices"};
    return bpf(BPF_PROG_LOAD, &a);
}
#define LOAD(name, ...)                                                                                                \
    do {                                                                                                               \
        insn code[] = {__VA_ARGS__};                                                                                   \
        int fd = load(code, LEN(code));                                                                                \
        printf("%-28s %s\n", name, why(fd));                                                                           \
        if (fd >= 0) close(fd);                                                                                        \
    } while (0)
static int attach(int group, int prog, int flags, int replace) {
    union bpf_attr a = {.target_fd = group, .attach_bpf_fd = prog, .attach_type = BPF_CGROUP_DEVICE, .attach_flags = flags,
                        .replace_bpf_fd = replace};
    return bpf(BPF_PROG_ATTACH, &a);
}
static int detach(int group, int prog) {
    union bpf_attr a = {.target_fd = group, .attach_bpf_fd = prog, .attach_type = BPF_CGROUP_DEVICE};
    return bpf(BPF_PROG_DETACH, &a);
}
static void query(const char *name, int group, int how) {
    uint32_t ids[8] = {0};
    union bpf_attr a = {.query = {.target_fd = group, .attach_type = BPF_CGROUP_DEVICE, .query_flags = how,
                                  .prog_ids = (uintptr_t)ids, .prog_cnt = 8}};
    int r = bpf(BPF_PROG_QUERY, &a);
    printf("query %s %d: %s, %u of flags %u, ascending %d\n", name, how, why(r), a.query.prog_cnt, a.query.attach_flags,
           ids[0] < ids[1] || a.query.prog_cnt < 2);
}
/* In a group: which devices can be opened, asked for, made. */
static void tried(const char *name, const char *procs) {
    fflush(stdout);
    if (!fork()) {
        char self[16];
        sprintf(self, "%d", getpid());
        if (put(procs, self) < 0) printf("move: %m\n");
        int r = open("/dev/null", O_RDONLY), w = open("/dev/null", O_WRONLY);
        printf("%s: null %s", name, r < 0 ? "-" : "r");
        printf("%s", w < 0 ? "-" : "w");
        r = open("/dev/zero", O_RDONLY), w = open("/dev/zero", O_WRONLY);
        printf(", zero %s%s", r < 0 ? strerrorname_np(errno) : "r", w < 0 ? "-" : "w");
        printf(", access %s", why(access("/dev/zero", R_OK)));
        printf(", there %s", why(access("/dev/zero", F_OK)));
        printf(", node %s", why(mknod("node", S_IFCHR | 0600, makedev(1, 5))));
        printf(", whiteout %s", why(mknod("white", S_IFCHR | 0600, 0)));
        printf(", block %s\n", why(mknod("block", S_IFBLK | 0600, makedev(7, 0))));
        unlink("node"), unlink("block"), unlink("white");
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
}

int main(void) {
    if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("none", "/mnt", "tmpfs", 0, NULL)) return 1;
    if (chdir("/mnt") || mkdir("cg", 0755) || mount("none", "cg", "cgroup2", 0, NULL)) return perror("cgroup2"), 1;
    /* what the verifier says */
    LOAD("returns 1", MOV(0, 1), EXIT);
    LOAD("returns 2", MOV(0, 2), EXIT);
    LOAD("no R0", EXIT);
    LOAD("no exit", MOV(0, 1));
    LOAD("unreachable", MOV(0, 1), EXIT, MOV(0, 0), EXIT);
    LOAD("jump out", I(BPF_JMP | BPF_JA, 0, 0, 5, 0), MOV(0, 1), EXIT);
    LOAD("reads R2", I(BPF_ALU64 | BPF_MOV | BPF_X, 0, 2, 0, 0), EXIT);
    LOAD("returns the context", I(BPF_ALU64 | BPF_MOV | BPF_X, 0, 1, 0, 0), EXIT);
    LOAD("context beyond", LDW(2, 1, 12), MOV(0, 1), EXIT);
    LOAD("context odd", LDW(2, 1, 2), MOV(0, 1), EXIT);
    LOAD("half of the type", I(BPF_LDX | BPF_MEM | BPF_H, 2, 1, 2, 0), MOV(0, 1), EXIT);
    LOAD("half of the major", I(BPF_LDX | BPF_MEM | BPF_H, 2, 1, 4, 0), MOV(0, 1), EXIT);
    LOAD("writes the context", I(BPF_ST | BPF_MEM | BPF_W, 1, 0, 0, 1), MOV(0, 1), EXIT);
    LOAD("writes R10", MOV(10, 1), MOV(0, 1), EXIT);
    LOAD("R11", MOV(11, 1), MOV(0, 1), EXIT);
    LOAD("divides by 0", MOV(0, 1), I(BPF_ALU64 | BPF_DIV | BPF_K, 0, 0, 0, 0), EXIT);
    LOAD("shifts by 64", MOV(0, 1), I(BPF_ALU64 | BPF_LSH | BPF_K, 0, 0, 0, 64), EXIT);
    LOAD("reads a number's memory", MOV(2, 1), LDW(0, 2, 0), EXIT);
    LOAD("and 1", LDW(0, 1, 4), I(BPF_ALU64 | BPF_AND | BPF_K, 0, 0, 0, 1), EXIT);
    LOAD("shifted to a bit", LDW(0, 1, 4), I(BPF_ALU | BPF_RSH | BPF_K, 0, 0, 0, 31), EXIT);
    LOAD("either way 0 or 1", LDW(2, 1, 4), MOV(0, 0), I(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 1, 1), MOV(0, 1), EXIT);
    LOAD("R3 on one way only", LDW(2, 1, 4), I(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 1, 1), MOV(3, 1),
         I(BPF_ALU64 | BPF_MOV | BPF_X, 0, 3, 0, 0), EXIT);
    LOAD("64 bits", I(BPF_LD | BPF_DW | BPF_IMM, 0, 0, 0, 1), I(0, 0, 0, 0, 0), EXIT);
    LOAD("half of 64 bits", I(BPF_LD | BPF_DW | BPF_IMM, 0, 0, 0, 1), EXIT);
    LOAD("nothing known", I(0xff, 0, 0, 0, 0), EXIT);
    insn none[1];
    printf("empty: %s\n", why(load(none, 0)));
    union bpf_attr bad = {.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE, .insn_cnt = 1, .license = (uintptr_t) "x", .insns = 8};
    printf("insns nowhere: %s\n", why(bpf(BPF_PROG_LOAD, &bad)));
    bad = (union bpf_attr){.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE, .insn_cnt = 1, .insns = 8};
    printf("license nowhere: %s\n", why(bpf(BPF_PROG_LOAD, &bad)));
    char log[4096] = "";
    insn two[] = {MOV(0, 2), EXIT};
    bad = (union bpf_attr){.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE, .insn_cnt = 2, .insns = (uintptr_t)two,
                           .license = (uintptr_t) "GPL", .log_level = 1, .log_buf = (uintptr_t)log, .log_size = sizeof log};
    printf("with a log: %s", why(bpf(BPF_PROG_LOAD, &bad)));
    printf(", names R0 %d\n", strstr(log, "R0") != NULL);
    bad.log_size = 8;
    printf("short log: %s\n", why(bpf(BPF_PROG_LOAD, &bad)));

    /* programs that say: not 1:5; nothing to write; nothing at all */
    insn not_zero[] = {LDW(2, 1, 4), LDW(3, 1, 8), MOV(0, 1), I(BPF_JMP | BPF_JNE | BPF_K, 2, 0, 2, 1),
                       I(BPF_JMP | BPF_JNE | BPF_K, 3, 0, 1, 5), MOV(0, 0), EXIT};
    insn no_write[] = {LDW(2, 1, 0), I(BPF_ALU | BPF_RSH | BPF_K, 2, 0, 0, 16), MOV(0, 0),
                       I(BPF_JMP | BPF_JSET | BPF_K, 2, 0, 1, BPF_DEVCG_ACC_WRITE), MOV(0, 1), EXIT};
    insn only_char[] = {LDW(2, 1, 0), I(BPF_ALU | BPF_AND | BPF_K, 2, 0, 0, 0xffff), MOV(0, 1),
                        I(BPF_JMP32 | BPF_JEQ | BPF_K, 2, 0, 1, BPF_DEVCG_DEV_CHAR), MOV(0, 0), EXIT};
    int a = load(not_zero, LEN(not_zero)), b = load(no_write, LEN(no_write)), c = load(only_char, LEN(only_char));
    if (a < 0 || b < 0 || c < 0) return perror("load"), 1;
    if (mkdir("cg/bpf-test", 0755) || mkdir("cg/bpf-test/below", 0755)) return perror("mkdir"), 1;
    int top = open("cg/bpf-test", O_RDONLY), below = open("cg/bpf-test/below", O_RDONLY);
    const char *in_top = "cg/bpf-test/cgroup.procs", *in_below = "cg/bpf-test/below/cgroup.procs";
    tried("before", in_below);
    printf("both: %s\n", why(attach(top, a, BPF_F_ALLOW_MULTI | BPF_F_ALLOW_OVERRIDE, 0)));
    printf("unknown flag: %s\n", why(attach(top, a, 1 << 20, 0)));
    printf("no group: %s\n", why(attach(a, a, 0, 0)));
    printf("no program: %s\n", why(attach(top, top, 0, 0)));
    printf("detach: %s\n", why(detach(top, a)));
    printf("plain: %s\n", why(attach(top, a, 0, 0)));
    tried("top", in_top);
    tried("below", in_below);
    printf("below it: %s\n", why(attach(below, b, 0, 0)));
    printf("other flags: %s\n", why(attach(top, b, BPF_F_ALLOW_MULTI, 0)));
    printf("in its place: %s\n", why(attach(top, b, 0, 0)));
    tried("top", in_top);
    query("top", top, 0);
    query("below", below, 0);
    query("below", below, BPF_F_QUERY_EFFECTIVE);
    printf("detach another: %s\n", why(detach(top, a)));
    printf("override: %s\n", why(attach(top, a, BPF_F_ALLOW_OVERRIDE, 0)));
    printf("below it: %s\n", why(attach(below, c, BPF_F_ALLOW_OVERRIDE, 0)));
    tried("top", in_top);
    tried("below", in_below);
    printf("detach: %s\n", why(detach(below, c)));
    tried("below", in_below);
    printf("detach: %s\n", why(detach(top, -1)));
    printf("multi: %s\n", why(attach(top, a, BPF_F_ALLOW_MULTI, 0)));
    printf("again: %s\n", why(attach(top, a, BPF_F_ALLOW_MULTI, 0)));
    printf("second: %s\n", why(attach(top, b, BPF_F_ALLOW_MULTI, 0)));
    printf("below: %s\n", why(attach(below, c, BPF_F_ALLOW_MULTI, 0)));
    tried("top", in_top);
    tried("below", in_below);
    query("below", below, 0);
    query("below", below, BPF_F_QUERY_EFFECTIVE);
    printf("replace: %s\n", why(attach(top, c, BPF_F_ALLOW_MULTI | BPF_F_REPLACE, b)));
    printf("replace what is not: %s\n", why(attach(top, b, BPF_F_ALLOW_MULTI | BPF_F_REPLACE, b)));
    printf("replace without multi: %s\n", why(attach(top, b, BPF_F_REPLACE, a)));
    tried("top", in_top);
    printf("detach: %s\n", why(detach(top, b)));
    printf("detach none: %s\n", why(detach(top, -1)));

    /* ids and what is told */
    struct bpf_prog_info info = {0};
    union bpf_attr q = {.info = {.bpf_fd = a, .info_len = sizeof info, .info = (uintptr_t)&info}};
    printf("info: %s", why(bpf(BPF_OBJ_GET_INFO_BY_FD, &q)));
    printf(", type %u, name %s, tagged %d\n", info.type, info.name, info.tag[0] | info.tag[1] | info.tag[2]  ? 1 : 0);
    uint32_t id = info.id;
    q = (union bpf_attr){.prog_id = id};
    int again = bpf(BPF_PROG_GET_FD_BY_ID, &q);
    printf("by id: %s\n", why(again));
    close(again);
    q = (union bpf_attr){.start_id = id - 1};
    printf("next id: %s", why(bpf(BPF_PROG_GET_NEXT_ID, &q)));
    printf(", that %d\n", q.next_id == id);
    q = (union bpf_attr){.start_id = 0x7fffffff};
    printf("beyond: %s\n", why(bpf(BPF_PROG_GET_NEXT_ID, &q)));
    close(a), close(b), close(c), close(top), close(below);
    q = (union bpf_attr){.prog_id = id};
    again = bpf(BPF_PROG_GET_FD_BY_ID, &q);
    printf("attached ones stay: %s\n", why(again));
    close(again);
    if (rmdir("cg/bpf-test/below") || rmdir("cg/bpf-test")) perror("rmdir");
    for (int n = 0; n < 200; n++) {
        q = (union bpf_attr){.prog_id = id};
        again = bpf(BPF_PROG_GET_FD_BY_ID, &q);
        if (again < 0) break;
        close(again);
        usleep(10000);
    }
    printf("with the group they go: %s\n", why(again));
    if (setresuid(1000, 1000, 1000)) return 1;
    insn one[] = {MOV(0, 1), EXIT};
    printf("without a right: %s\n", why(load(one, 2)));
}

/* What execve(2) leaves of ids and capabilities with no_new_privs, under a tracer, and with a root that is shared.
   Effective ids that were not the real ones before, with no_new_privs, are left out: Linux keeps them since 6.16. */
#include "container_caps.h"
#include <sys/ptrace.h>

#define RUN(body) do { fflush(stdout); if (!fork()) { body; _exit(0); } wait(NULL); } while (0)

static char exe[4096], set_uid[4200];

static void show(void) {
    uid_t r, e, s;
    gid_t rg, eg, sg;
    struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct d[2];
    getresuid(&r, &e, &s), getresgid(&rg, &eg, &sg);
    syscall(SYS_capget, &h, d);
    printf("uid %d %d %d gid %d %d %d permitted %x effective %x secure %ld\n", r, e, s, rg, eg, sg, d[0].permitted & 0xff,
           d[0].effective & 0xff, getauxval(AT_SECURE));
    fflush(stdout);
}

static void keep_only(unsigned bits) {
    struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct d[2] = {{bits, bits, 0}, {0, 0, 0}};
    MUST(syscall(SYS_capset, &h, d));
}

static void again(const char *path) { execl(path, "x", "show", NULL), printf("%m\n"), _exit(1); }

static int shares(void *path) {
    again(path);
    return 1;
}

static void traced(const char *path, uid_t tracer) {
    MUST(setresgid(5, 5, 5)), MUST(setresuid(tracer, tracer, tracer));
    pid_t child = fork();
    if (!child) {
        MUST(ptrace(PTRACE_TRACEME, 0, 0, 0));
        if (!tracer)
            MUST(setresuid(7, 7, 7));
        again(path);
    }
    int status;
    while (waitpid(child, &status, 0) == child && WIFSTOPPED(status))
        MUST(ptrace(PTRACE_CONT, child, 0, 0));
}

static void bound_by_container(void) {
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        if (cap > 31 || !(0xa80425fbu >> cap & 1))
            prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    as_in_container();
}

int main(int argc, char **argv) {
    if (argc > 1)
        return show(), 0;
    MUST(readlink("/proc/self/exe", exe, 4095));
    char copy[8300];
    sprintf(set_uid, "%s/set-uid", getcwd(copy, 4096));
    sprintf(copy, "cp %s %s", exe, set_uid);
    MUST(system(copy)), MUST(chmod(set_uid, 06755)), MUST(chmod(".", 0755));
    bound_by_container();
    static char stack[1 << 16] __attribute__((aligned(16)));
    RUN(MUST(setresuid(7, 0, 7)); again(exe));
    RUN(MUST(setresuid(0, 7, 0)); again(exe));
    RUN(MUST(setresuid(7, 8, 9)); again(exe));
    RUN(MUST(setresgid(7, 8, 9)); again(exe));
    for (int nnp = 0; nnp < 2; nnp++) {
        printf("no_new_privs %d\n", nnp);
#define NNP if (nnp) MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        RUN(NNP; again(exe));
        RUN(NNP; keep_only(1 << CAP_SETUID | 1); again(exe));
        RUN(NNP; keep_only(0); again(exe));
        RUN(NNP; MUST(setresuid(7, 7, 0)); again(exe));
        RUN(NNP; MUST(setresuid(7, 7, 7)); again(set_uid));
        RUN(NNP; MUST(setresgid(5, 5, 5)); MUST(setresuid(7, 7, 7)); again(set_uid));
        RUN(NNP; traced(set_uid, 7));
        RUN(NNP; traced(set_uid, 0));
        RUN(NNP; traced(exe, 7));
        RUN(NNP; MUST(setresuid(7, 7, 7)); MUST(clone(shares, stack + sizeof stack, CLONE_FS | SIGCHLD, set_uid)); wait(NULL));
        RUN(NNP; keep_only(1 << CAP_SETUID | 1); MUST(clone(shares, stack + sizeof stack, CLONE_FS | SIGCHLD, exe)); wait(NULL));
        RUN(NNP; keep_only(0); MUST(clone(shares, stack + sizeof stack, CLONE_FS | SIGCHLD, exe)); wait(NULL));
    }
    return 0;
}

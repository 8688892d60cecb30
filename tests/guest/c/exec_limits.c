#include "t.h"

extern char **environ;
static char *big(size_t n) {
    char *s = malloc(n + 1);
    memset(s, 'x', n);
    s[n] = 0;
    return s;
}
static void try(const char *what, char **argv, char **envp) {
    fflush(stdout);
    pid_t pid = MUST(fork());
    if (!pid) {
        execve("/proc/self/exe", argv, envp);
        printf("%s: %s\n", what, ename(errno));
        fflush(stdout);
        _exit(0);
    }
    MUST(wait(NULL));
}
static char **many(int n, char *s) {
    char **v = calloc(n + 2, sizeof *v);
    v[0] = "inner";
    for (int i = 1; i <= n; i++) v[i] = s;
    return v;
}
int main(int argc, char **argv) {
    if (argc != 1 || strcmp(argv[0], "inner") == 0 || !*argv[0]) {
        size_t total = 0;
        for (int i = 0; i < argc; i++) total += strlen(argv[i]) + 1;
        int envs = 0;
        for (char **e = environ; *e; e++) envs++, total += strlen(*e) + 1;
        printf("argc %d, %d in the environment, %zu bytes, aligned %d\n", argc, envs, total, (int)((unsigned long)argv & 15));
        return 0;
    }
    char *none[] = {NULL};
    try("plain", many(3, "a"), none);
    try("environment", many(0, ""), many(5, "A=b") + 1);
    try("no arguments", none, none);
    try("null arguments", NULL, NULL);
    try("longest string", many(1, big(131071)), none);
    try("string too long", many(1, big(131072)), none);
    try("environment string too long", many(0, ""), many(1, big(131072)));
    try("a megabyte", many(16, big(65535)), none);
    try("two megabytes and more", many(33, big(65535)), none);
    try("many pointers", many(200000, "a"), none);
    try("too many pointers", many(300000, ""), none);
    try("bad pointer", (char **)8, none);
    char *odd[] = {"inner", (char *)8, NULL};
    try("bad string", odd, none);
    struct rlimit l;
    MUST(getrlimit(RLIMIT_STACK, &l));
    l.rlim_cur = 1 << 20;
    MUST(setrlimit(RLIMIT_STACK, &l));
    try("a quarter of the stack", many(3, big(65535)), none);
    try("more than a quarter", many(4, big(65535)), none);
    l.rlim_cur = 64 << 20;
    MUST(setrlimit(RLIMIT_STACK, &l));
    try("six megabytes at most", many(90, big(65535)), none);
    try("more than six megabytes", many(97, big(65535)), none);
    return 0;
}

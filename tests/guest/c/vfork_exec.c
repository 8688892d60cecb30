#include "t.h"

int main(int argc, char **argv) {
    if (argc > 1) {
        printf("argc %d: %s %s, env %s\n", argc, argv[1], argv[2], getenv("V") ? getenv("V") : "none");
        return 3;
    }
    volatile int seen = 0;
    char *args[] = {"me", "one", "two words", NULL}, *env[] = {"V=value", NULL};
    pid_t child = vfork();
    if (child == 0) {
        seen = 5;
        execve("/proc/self/exe", args, env);
        _exit(99);
    }
    int at_return = seen;
    reap(child);
    VAL(at_return);
    child = vfork();
    if (child == 0) {
        execve("none", args, env);
        seen = errno;
        _exit(9);
    }
    STR(ename(seen));
    reap(child);
    int failed = posix_spawn(&child, "/proc/self/exe", NULL, NULL, args, env);
    reap(child);
    VAL(failed);
    SHOW(posix_spawn(&child, "/none", NULL, NULL, args, env) == ENOENT);
    STR(ename(errno));
    return 0;
}

#include "t.h"

static void try(int sig) {
    pid_t c = fork();
    if (c == 0) {
        struct rlimit r = {0, 0};
        setrlimit(RLIMIT_CORE, &r);
        kill(getpid(), sig);
        _exit(0);
    }
    int s;
    waitpid(c, &s, WUNTRACED);
    printf("%2d ", sig);
    show_status(s);
    if (WIFSTOPPED(s)) kill(c, SIGKILL), waitpid(c, &s, 0);
}
int main(void) {
    for (int s = 1; s < 35; s++)
        if (s != 32 && s != 33) try(s);
    try(64);
    return 0;
}

#include "t.h"

int main(void) {
    int x = 1, p[2];
    MUST(pipe(p));
    pid_t child = fork();
    if (child == 0) {
        x = 2;
        VAL(getppid() > 0);
        write(p[1], &x, sizeof x);
        _exit(7);
    }
    reap(child);
    int y;
    read(p[0], &y, sizeof y);
    VAL(x);
    VAL(y);
    SHOW(waitpid(child, NULL, 0));
    SHOW(wait(NULL));
    for (int i = 0; i < 20; i++)
        if (fork() == 0) _exit(i);
    int s, sum = 0, n = 0;
    while (wait(&s) > 0) sum += WEXITSTATUS(s), n++;
    VAL(n);
    VAL(sum);
    VAL(getpid() == syscall(SYS_gettid));
    return 300;
}

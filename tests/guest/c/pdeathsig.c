#include "t.h"

static void on(int s) { _exit(write(1, "parent died\n", 12) != 12); }
int main(void) {
    int p[2], ready[2], sig = 0;
    MUST(pipe(p)), MUST(pipe(ready));
    if (fork() == 0) {
        if (fork() == 0) {
            handle(SIGUSR1, on, 0);
            SHOW(prctl(PR_SET_PDEATHSIG, SIGUSR1));
            SHOW(prctl(PR_GET_PDEATHSIG, &sig));
            VAL(sig);
            SHOW(prctl(PR_SET_PDEATHSIG, 100));
            write(ready[1], "r", 1);
            for (;;) pause();
        }
        char c;
        read(ready[0], &c, 1);
        _exit(0);
    }
    close(p[1]);
    wait(NULL);
    char c;
    VAL(read(p[0], &c, 1));
    return 0;
}

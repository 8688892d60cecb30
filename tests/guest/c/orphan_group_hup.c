#include "t.h"

static void hup(int s) { write(1, "SIGHUP\n", 7); }
static void cont(int s) {
    write(1, "SIGCONT\n", 8);
    _exit(0);
}
int main(void) {
    int p[2];
    char c;
    MUST(pipe(p));
    pid_t parent = fork();
    if (parent == 0) {
        setsid();
        pid_t child = fork();
        if (child == 0) {
            setpgid(0, 0);
            handle(SIGHUP, hup, 0), handle(SIGCONT, cont, 0);
            raise(SIGSTOP);
            _exit(1);
        }
        int s;
        waitpid(child, &s, WUNTRACED);
        show_status(s);
        _exit(0);
    }
    close(p[1]);
    wait(NULL);
    SHOW(read(p[0], &c, 1));
    pid_t k = fork(); /* stop signals of the terminal do nothing to an orphaned group */
    if (k == 0) {
        setsid();
        raise(SIGTSTP);
        puts("not stopped");
        _exit(0);
    }
    reap(k);
    return 0;
}

#include "t.h"
/* clone(2) takes any low byte as the signal of the child's end: one that there is not is not sent. What is executed
   ends with SIGCHLD whatever was asked for. */

static int got;

static void on_child(int signo) { got++; }

static void end_with(long exit_signal, int execute) {
    got = 0;
    pid_t child = syscall(SYS_clone, exit_signal, 0, 0, 0, 0);
    if (child == 0) {
        if (execute) execl("/bin/true", "true", (char *)0);
        _exit(3);
    }
    int status = -1;
    VAL(waitpid(child, &status, __WALL) == child);
    VAL(WIFEXITED(status) ? WEXITSTATUS(status) : -status);
    VAL(got);
}

int main(void) {
    signal(SIGCHLD, on_child);
    signal(SIGUSR1, on_child);
    end_with(SIGCHLD, 0);
    end_with(SIGUSR1, 0);
    end_with(0, 0);
    end_with(65, 0);
    end_with(128, 0);
    end_with(255, 0);
    end_with(SIGUSR1, 1);
    end_with(0, 1);
    end_with(200, 1);
    return 0;
}

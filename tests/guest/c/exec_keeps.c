#include "t.h"

static void on(int s) {}
int main(int argc, char **argv) {
    if (argc > 1) {
        struct sigaction a;
        sigset_t set;
        sigprocmask(0, NULL, &set);
        VAL(sigismember(&set, SIGUSR1));
        sigaction(SIGUSR2, NULL, &a);
        VAL(a.sa_handler == SIG_DFL);
        sigaction(SIGHUP, NULL, &a);
        VAL(a.sa_handler == SIG_IGN);
        SHOW(fcntl(50, F_GETFD));
        SHOW(fcntl(51, F_GETFD));
        printf("umask %o\n", umask(0));
        sigset_t p;
        sigpending(&p);
        VAL(sigismember(&p, SIGUSR1));
        VAL(getpid() == atoi(argv[1]));
        VAL(alarm(0) > 0);
        stack_t ss;
        sigaltstack(NULL, &ss);
        VAL(ss.ss_flags == SS_DISABLE);
        char name[16];
        prctl(PR_GET_NAME, name);
        STR(strncmp(name, "c.exec_keeps", 12) ? name : "named after the file");
        return 0;
    }
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, SIGUSR1), sigprocmask(SIG_BLOCK, &set, NULL);
    handle(SIGUSR2, on, 0), handle(SIGHUP, SIG_IGN, 0);
    raise(SIGUSR1);
    MUST(dup2(1, 50)), MUST(dup3(1, 51, O_CLOEXEC));
    umask(031);
    alarm(1000);
    prctl(PR_SET_NAME, "other");
    char pid[16], exe[4096] = {0};
    sprintf(pid, "%d", getpid());
    MUST(readlink("/proc/self/exe", exe, 4095));
    execl(exe, "x", pid, NULL);
    return 1;
}

/* ptrace(2): PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_LISTEN, PTRACE_ATTACH of what runs, sleeps or is stopped. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *what, long result) { printf("%s: %ld %d\n", what, result, result == -1 ? errno : 0); }
static int wait_for(int pid, const char *what) {
    int status = 0;
    int got = waitpid(pid, &status, __WALL);
    printf("%s: %s %x\n", what, got == pid ? "ok" : got < 0 ? "none" : "not it", status);
    return status;
}
static void nothing(int pid, const char *what) {
    int status = 0;
    printf("%s: %d\n", what, waitpid(pid, &status, __WALL | WNOHANG | WUNTRACED));
}
static char state(int pid) {
    char path[64], line[512];
    sprintf(path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    fgets(line, sizeof line, f);
    fclose(f);
    return strrchr(line, ')')[2];
}
static int tracer(int pid) {
    char path[64], line[512];
    int found = -1;
    sprintf(path, "/proc/%d/status", pid);
    FILE *f = fopen(path, "r");
    while (fgets(line, sizeof line, f)) sscanf(line, "TracerPid: %d", &found);
    fclose(f);
    return found;
}
static void until(int pid, char wanted) { while (state(pid) != wanted) usleep(1000); }
static int sleeper(void) {
    int pid = fork();
    if (!pid) for (;;) pause();
    until(pid, 'S');
    return pid;
}
static int spinner(void) {
    int pid = fork();
    if (!pid) for (volatile long n = 0;; n++);
    return pid;
}
static void siginfo(int pid) {
    siginfo_t si;
    memset(&si, 0, sizeof si);
    errno = 0;
    int got = ptrace(PTRACE_GETSIGINFO, pid, 0, &si);
    printf("  siginfo %d errno %d: %d %x\n", got, errno, si.si_signo, si.si_code);
}

static void seized(int pid) {
    say("options", ptrace(PTRACE_SEIZE, pid, 0, 1ul << 40));
    say("address", ptrace(PTRACE_SEIZE, pid, 1, 0));
    say("seize", ptrace(PTRACE_SEIZE, pid, 0, 0));
    printf("tracer %d\n", tracer(pid) == getpid());
    say("again", ptrace(PTRACE_SEIZE, pid, 0, 0));
    nothing(pid, "not stopped");
    say("running", ptrace(PTRACE_CONT, pid, 0, 0));
    say("interrupt", ptrace(PTRACE_INTERRUPT, pid, 0, 0));
    wait_for(pid, "interrupted");
    siginfo(pid);
    printf("state %c\n", state(pid));
    nothing(pid, "once only");
    say("listen", ptrace(PTRACE_LISTEN, pid, 0, 0));
    nothing(pid, "listening");
    say("listening", ptrace(PTRACE_CONT, pid, 0, 0));
    say("interrupt", ptrace(PTRACE_INTERRUPT, pid, 0, 0));
    wait_for(pid, "interrupted");
    ptrace(PTRACE_CONT, pid, 0, 0);
    kill(pid, SIGSTOP);
    wait_for(pid, "signal");
    siginfo(pid);
    say("listen", ptrace(PTRACE_LISTEN, pid, 0, 0));
    ptrace(PTRACE_CONT, pid, 0, SIGSTOP);
    wait_for(pid, "group stop");
    siginfo(pid);
    ptrace(PTRACE_LISTEN, pid, 0, 0);
    kill(pid, SIGCONT);
    wait_for(pid, "continued");
    siginfo(pid);
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "cont signal");
    ptrace(PTRACE_CONT, pid, 0, 0);
    ptrace(PTRACE_INTERRUPT, pid, 0, 0);
    wait_for(pid, "interrupted");
    say("detach", ptrace(PTRACE_DETACH, pid, 0, 0));
    printf("tracer %d\n", tracer(pid));
    kill(pid, SIGTERM);
    wait_for(pid, "term");
}

static void attached(int pid) {
    say("attach", ptrace(PTRACE_ATTACH, pid, 0, 0));
    wait_for(pid, "attached");
    siginfo(pid);
    say("interrupt", ptrace(PTRACE_INTERRUPT, pid, 0, 0));
    ptrace(PTRACE_CONT, pid, 0, 0);
    kill(pid, SIGUSR1);
    wait_for(pid, "usr1");
    say("detach", ptrace(PTRACE_DETACH, pid, 0, SIGUSR1));
    wait_for(pid, "killed");
}

int main(void) {
    setvbuf(stdout, 0, _IONBF, 0);
    puts("a sleeper");
    seized(sleeper());
    puts("a spinner");
    seized(spinner());
    attached(sleeper());
    attached(spinner());
    puts("stopped before");
    int pid = sleeper();
    kill(pid, SIGSTOP);
    until(pid, 'T');
    ptrace(PTRACE_SEIZE, pid, 0, 0);
    wait_for(pid, "seized");
    siginfo(pid);
    printf("state %c\n", state(pid));
    ptrace(PTRACE_DETACH, pid, 0, 0);
    until(pid, 'T');
    kill(pid, SIGCONT);
    until(pid, 'S');
    kill(pid, SIGSTOP);
    until(pid, 'T');
    ptrace(PTRACE_ATTACH, pid, 0, 0);
    wait_for(pid, "attached");
    siginfo(pid);
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "its own stop");
    siginfo(pid);
    kill(pid, SIGCONT);
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_for(pid, "cont");
    ptrace(PTRACE_DETACH, pid, 0, 0);
    until(pid, 'S');
    kill(pid, SIGKILL);
    wait_for(pid, "killed");
    puts("who may not");
    say("self", ptrace(PTRACE_ATTACH, getpid(), 0, 0));
    say("nobody", ptrace(PTRACE_ATTACH, 4194000, 0, 0));
    pid = sleeper();
    say("not traced", ptrace(PTRACE_CONT, pid, 0, 0));
    int other = fork();
    if (!other) {
        setresgid(1234, 1234, 1234);
        setresuid(1234, 1234, 1234);
        long r = ptrace(PTRACE_ATTACH, pid, 0, 0);
        _exit(r == -1 && errno == EPERM ? 7 : 8);
    }
    wait_for(other, "another user");
    kill(pid, SIGKILL);
    wait_for(pid, "killed");
    return 0;
}

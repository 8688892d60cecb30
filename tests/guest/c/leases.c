// private admin
#include "t.h"
/* File leases: who may have one, what breaks it, what the holder is told and how the other goes on. */

static volatile int got, got_code, got_fd;
static void told(int signo, siginfo_t *info, void *context) { got = signo, got_code = info->si_code, got_fd = info->si_fd; }
static int child_open(int flags) {
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        int fd = open("f", flags);
        _exit(fd < 0 ? errno : 0);
    }
    return pid;
}
static void await_break(void) {
    sigset_t none;
    sigemptyset(&none);
    while (!got) sigsuspend(&none);
    printf("told %d\n", got == SIGIO ? 1 : got == SIGUSR1 ? 2 : 3);
    got = 0;
}
static void ended(pid_t pid) {
    int s;
    MUST(waitpid(pid, &s, 0));
    printf("open: %s\n", ename(WEXITSTATUS(s)));
}
int main(void) {
    struct sigaction a = {.sa_sigaction = told, .sa_flags = SA_SIGINFO};
    sigaction(SIGIO, &a, NULL), sigaction(SIGUSR1, &a, NULL);
    sigset_t block;
    sigemptyset(&block), sigaddset(&block, SIGIO), sigaddset(&block, SIGUSR1);
    sigprocmask(SIG_BLOCK, &block, NULL);
    put("f", "text");
    int w = MUST(open("f", O_RDWR));
    SHOW(fcntl(w, F_GETLEASE));
    SHOW(fcntl(w, F_SETLEASE, F_RDLCK));
    SHOW(fcntl(w, F_SETLEASE, F_UNLCK));
    SHOW(fcntl(w, F_SETLEASE, 7));
    SHOW(fcntl(w, F_SETLEASE, F_WRLCK));
    SHOW(fcntl(w, F_GETLEASE));
    SHOW(fcntl(w, F_GETOWN) == getpid());
    SHOW(open("f", O_RDONLY | O_NONBLOCK));
    SHOW(fcntl(w, F_GETLEASE));
    SHOW(open("f", O_WRONLY | O_NONBLOCK));
    SHOW(fcntl(w, F_GETLEASE));
    await_break();
    SHOW(fcntl(w, F_SETLEASE, F_UNLCK));
    SHOW(fcntl(w, F_GETLEASE));
    close(w);

    int r = MUST(open("f", O_RDONLY)), r2 = MUST(open("f", O_RDONLY));
    SHOW(fcntl(r, F_SETLEASE, F_WRLCK));
    SHOW(fcntl(r, F_SETLEASE, F_RDLCK));
    SHOW(fcntl(r2, F_SETLEASE, F_RDLCK));
    SHOW(fcntl(r2, F_SETLEASE, F_WRLCK));
    SHOW(fcntl(r, F_SETSIG, SIGUSR1));
    SHOW(fcntl(r2, F_SETLEASE, F_UNLCK));
    close(r2);
    pid_t reader = child_open(O_RDONLY); /* a read lease does not mind */
    ended(reader);
    pid_t pid = child_open(O_WRONLY);
    await_break();
    printf("code %d fd %d\n", got_code == POLL_MSG, got_fd == r);
    SHOW(fcntl(r, F_GETLEASE));
    SHOW(fcntl(r, F_SETLEASE, F_UNLCK));
    ended(pid);

    SHOW(fcntl(r, F_SETLEASE, F_WRLCK)); /* nobody else has it open */
    pid = child_open(O_RDONLY);
    await_break();
    SHOW(fcntl(r, F_GETLEASE));
    SHOW(fcntl(r, F_SETLEASE, F_RDLCK)); /* enough for a reader */
    ended(pid);
    SHOW(fcntl(r, F_GETLEASE));
    fflush(stdout);
    if (!(pid = fork())) _exit(truncate("f", 1) ? errno : 0);
    await_break();
    close(r); /* as good as giving it up, once the child's copy is closed too */
    kill(pid, SIGKILL), waitpid(pid, NULL, 0);
    SHOW(truncate("f", 2));

    r = MUST(open("f", O_RDONLY));
    SHOW(fcntl(r, F_SETLEASE, F_RDLCK));
    int copy = dup(r);
    close(r);
    SHOW(fcntl(copy, F_GETLEASE));
    close(copy);
    SHOW(open("f", O_WRONLY | O_NONBLOCK) > 0);
    MUST(chown("f", 7, 7));
    r = MUST(open("f", O_RDONLY)); /* another description has it open for writing */
    SHOW(fcntl(r, F_SETLEASE, F_RDLCK));
    fflush(stdout);
    if (!(pid = fork())) {
        setuid(8);
        SHOW(fcntl(r, F_SETLEASE, F_RDLCK));
        _exit(0);
    }
    reap(pid);
    int d = MUST(open(".", O_RDONLY));
    SHOW(fcntl(d, F_SETLEASE, F_RDLCK));
    return 0;
}

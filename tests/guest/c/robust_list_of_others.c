#include "t.h"
#include <sys/wait.h>

/* get_robust_list(2) of another process asks as ptrace(2) does. */
static long head_of(pid_t pid) {
    void *head;
    size_t size = 0;
    long r = syscall(SYS_get_robust_list, pid, &head, &size);
    if (r == 0 && size != 24)
        puts("another size");
    return r;
}
static void as(uid_t uid, uid_t euid, pid_t pid) {
    fflush(stdout);
    pid_t c = fork();
    if (c == 0) {
        if (setresgid(uid, euid, euid) || setresuid(uid, euid, euid))
            _exit(9);
        _exit(head_of(pid) == 0 ? 0 : errno);
    }
    int status;
    waitpid(c, &status, 0);
    printf("%d/%d: %s\n", uid, euid, WEXITSTATUS(status) ? ename(WEXITSTATUS(status)) : "0");
}
static pid_t child(uid_t uid, int dumpable) {
    int ready[2];
    char c;
    pipe(ready);
    pid_t pid = fork();
    if (pid == 0) {
        setgroups(0, NULL);
        if (setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
            _exit(9);
        prctl(PR_SET_DUMPABLE, dumpable);
        write(ready[1], "", 1);
        pause();
    }
    read(ready[0], &c, 1);
    return pid;
}
int main(void) {
    SHOW(head_of(0));
    SHOW(head_of(getpid()));
    SHOW(head_of(-1));
    SHOW(head_of(1 << 30));
    pid_t same = child(1000, 1), hidden = child(1000, 0), root = child(0, 1);
    as(1000, 1000, same);
    as(1001, 1000, same); /* the real id counts */
    as(1000, 1001, same);
    as(1000, 1000, hidden);
    as(1000, 1000, root);
    kill(same, SIGKILL), kill(hidden, SIGKILL), kill(root, SIGKILL);
    return 0;
}

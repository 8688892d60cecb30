// private
#include "t.h"

static int id;
static int op1(int number, int change, int flags) {
    struct sembuf b = {number, change, flags};
    return semop(id, &b, 1);
}
static void *adds(void *unused) {
    SHOW(op1(1, 4, SEM_UNDO));
    return NULL;
}
int main(int argc, char **argv) {
    if (argc > 1) {
        id = atoi(argv[1]);
        SHOW(semctl(id, 0, GETVAL));
        return 0;
    }
    id = MUST(semget(IPC_PRIVATE, 2, 0600));
    SHOW(op1(0, 5, 0));
    pid_t c = fork();
    if (c == 0) {
        SHOW(op1(0, -2, SEM_UNDO));
        SHOW(op1(0, 1, 0));
        SHOW(op1(0, -1, SEM_UNDO));
        pid_t g = fork(); /* does not inherit them */
        if (g == 0) _exit(0);
        reap(g);
        SHOW(semctl(id, 0, GETVAL));
        char text[16];
        sprintf(text, "%d", id);
        execl("/proc/self/exe", "undo", text, NULL); /* they survive it */
    }
    reap(c);
    SHOW(semctl(id, 0, GETVAL));
    VAL(semctl(id, 0, GETPID) == c);

    c = fork(); /* threads share them, and only the last one's end counts */
    if (c == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, adds, NULL);
        pthread_join(thread, NULL);
        SHOW(semctl(id, 1, GETVAL));
        _exit(0);
    }
    reap(c);
    SHOW(semctl(id, 1, GETVAL));

    c = fork(); /* never below zero */
    if (c == 0) {
        SHOW(op1(1, 3, SEM_UNDO));
        SHOW(op1(1, -2, 0));
        _exit(0);
    }
    reap(c);
    SHOW(semctl(id, 1, GETVAL));

    c = fork(); /* SETVAL clears them */
    if (c == 0) {
        SHOW(op1(1, 3, SEM_UNDO));
        SHOW(semctl(id, 1, SETVAL, 7));
        _exit(0);
    }
    reap(c);
    SHOW(semctl(id, 1, GETVAL));

    c = fork(); /* out of range */
    if (c == 0) {
        SHOW(op1(1, -7, 0));
        SHOW(op1(1, 32767, SEM_UNDO));
        SHOW(op1(1, -32767, 0));
        SHOW(op1(1, 1, SEM_UNDO));
        SHOW(op1(1, 2, SEM_UNDO));
        SHOW(op1(1, -1, 0));
        _exit(0);
    }
    reap(c);
    SHOW(semctl(id, 1, GETVAL));

    SHOW(semctl(id, 0, SETVAL, 0)); /* an undo lets a sleeper go on */
    c = fork();
    if (c == 0) {
        struct sembuf both[] = {{0, 1, 0}, {0, -1, SEM_UNDO}}; /* at once: nobody sees the 1 */
        semop(id, both, 2);
        while (semctl(id, 0, GETNCNT) == 0) nap(1);
        kill(getpid(), SIGKILL);
    }
    while (semctl(id, 0, GETPID) != c) nap(1);
    SHOW(op1(0, -1, 0));
    reap(c);

    c = fork(); /* unshare gives them back at once */
    if (c == 0) {
        SHOW(op1(0, 6, SEM_UNDO));
        SHOW(unshare(CLONE_SYSVSEM));
        SHOW(semctl(id, 0, GETVAL));
        _exit(0);
    }
    reap(c);
    SHOW(semctl(id, 0, IPC_RMID));
    return 0;
}

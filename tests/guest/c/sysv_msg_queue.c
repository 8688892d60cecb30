// private
#include "asleep.h"

struct m { long type; char text[9000]; };
static struct m out, in;
static int id;
static int put_one(long type, const char *text, int flags) {
    out.type = type;
    strcpy(out.text, text);
    return msgsnd(id, &out, strlen(text), flags);
}
static void get_one(long type, int size, int flags) {
    memset(&in, 0, sizeof in);
    errno = 0;
    int n = msgrcv(id, &in, size, type, flags);
    printf("type %ld flags %o: %d %s %ld \"%s\"\n", type, flags, n, n < 0 ? ename(errno) : "", in.type, in.text);
}
static void queue(void) {
    struct msqid_ds d;
    MUST(msgctl(id, IPC_STAT, &d));
    printf("%ld messages, %ld bytes of %ld, times %d %d %d pids %d %d\n", (long)d.msg_qnum, (long)d.__msg_cbytes,
           (long)d.msg_qbytes, d.msg_stime != 0, d.msg_rtime != 0, d.msg_ctime != 0, d.msg_lspid == getpid(),
           d.msg_lrpid == getpid());
}
static void nothing(int s) {}
int main(void) {
    id = MUST(msgget(IPC_PRIVATE, 0600));
    queue();
    const char *words[] = {"three", "one", "two", "one again", "five"};
    long types[] = {3, 1, 2, 1, 5};
    for (int i = 0; i < 5; i++) MUST(put_one(types[i], words[i], 0));
    queue();
    get_one(0, 100, MSG_COPY | IPC_NOWAIT);
    get_one(3, 100, MSG_COPY | IPC_NOWAIT);
    get_one(3, 4, MSG_COPY | IPC_NOWAIT);
    get_one(3, 4, MSG_COPY | IPC_NOWAIT | MSG_NOERROR);
    get_one(5, 100, MSG_COPY | IPC_NOWAIT);
    get_one(-1, 100, MSG_COPY | IPC_NOWAIT);
    get_one(0, 100, MSG_COPY);
    get_one(0, 100, MSG_COPY | MSG_EXCEPT | IPC_NOWAIT);
    queue();
    get_one(-2, 100, 0);
    get_one(1, 100, MSG_EXCEPT);
    get_one(LONG_MIN, 3, 0);
    get_one(LONG_MIN, 3, MSG_NOERROR);
    get_one(4, 100, IPC_NOWAIT);
    get_one(-1, 100, IPC_NOWAIT);
    get_one(5, 0, MSG_NOERROR);
    get_one(0, 100, 0);
    queue();
    SHOW(msgsnd(id, BAD, 1, 0));
    out.type = 1;
    SHOW(msgsnd(id, &out, 8193, 0));
    SHOW(msgsnd(id, &out, -1, 0));
    SHOW(msgsnd(-1, &out, 1, 0));
    SHOW(msgsnd(id ^ 0x8000, &out, 1, 0));
    SHOW(msgrcv(id, &in, -1, 0, IPC_NOWAIT));
    SHOW(msgrcv(-1, &in, 1, 0, IPC_NOWAIT));
    SHOW(msgrcv(id ^ 0x8000, &in, 1, 0, IPC_NOWAIT));
    out.type = -4;
    SHOW(msgsnd(id, &out, 1, 0));
    MUST(put_one(1, "", 0));
    SHOW(msgrcv(id, BAD, 10, 0, 0)); /* lost */
    queue();

    /* Full. */
    out.type = 7;
    SHOW(msgsnd(id, &out, 8192, 0));
    SHOW(msgsnd(id, &out, 8192, 0));
    SHOW(msgsnd(id, &out, 1, IPC_NOWAIT));
    SHOW(msgsnd(id, &out, 0, IPC_NOWAIT));
    pid_t c = fork();
    if (c == 0) {
        _exit(put_one(8, "after the wait", 0) != 0);
    }
    asleep(c);
    get_one(7, 10, 0);
    VAL(msgrcv(id, &in, 9000, 7, 0));
    reap(c);
    get_one(8, 100, 0);
    struct msqid_ds d;
    MUST(msgctl(id, IPC_STAT, &d));
    d.msg_qbytes = 8195;
    SHOW(msgctl(id, IPC_SET, &d));
    SHOW(put_one(9, "xyz", IPC_NOWAIT));
    SHOW(put_one(9, "", IPC_NOWAIT));
    queue();
    while (msgrcv(id, &in, 9000, 0, IPC_NOWAIT) >= 0);
    d.msg_qbytes = 2;
    SHOW(msgctl(id, IPC_SET, &d));
    SHOW(put_one(9, "", IPC_NOWAIT));
    SHOW(put_one(9, "", IPC_NOWAIT));
    SHOW(put_one(9, "", IPC_NOWAIT));
    get_one(0, 9, 0);
    get_one(0, 9, 0);

    /* Receivers that wait: by type, too small, signals, removal. */
    d.msg_qbytes = 100;
    SHOW(msgctl(id, IPC_SET, &d));
    int up[2];
    MUST(pipe(up));
    pid_t kids[3];
    long wants[] = {11, 12, -20};
    for (int i = 0; i < 3; i++) {
        kids[i] = fork();
        if (kids[i] == 0) {
            int n = msgrcv(id, &in, i == 1 ? 2 : 50, wants[i], 0);
            _exit(n < 0 ? 100 + errno : n);
        }
        asleep(kids[i]);
    }
    SHOW(put_one(12, "too long", 0));
    reap(kids[1]);
    reap(kids[2]);
    SHOW(put_one(11, "eleven", 0));
    reap(kids[0]);
    queue();
    handle(SIGUSR1, nothing, SA_RESTART);
    c = fork();
    if (c == 0) {
        get_one(0, 9, 0);
        MUST(write(up[1], "", 1));
        _exit(msgrcv(id, &in, 9, 0, 0) == -1 && errno == EIDRM ? 5 : 1);
    }
    asleep(c);
    kill(c, SIGUSR1);
    char b;
    MUST(read(up[0], &b, 1));
    asleep(c);
    SHOW(msgctl(id, IPC_RMID, NULL));
    reap(c);
    id = MUST(msgget(IPC_PRIVATE, 0600));
    d.msg_qbytes = 1;
    MUST(msgctl(id, IPC_SET, &d));
    MUST(put_one(1, "f", 0));
    c = fork();
    if (c == 0) {
        SHOW(put_one(1, "g", 0));
        MUST(write(up[1], "", 1));
        _exit(put_one(1, "h", 0) == -1 && errno == EIDRM ? 6 : 1);
    }
    asleep(c);
    kill(c, SIGUSR1);
    MUST(read(up[0], &b, 1));
    asleep(c);
    SHOW(msgctl(id, IPC_RMID, NULL));
    reap(c);
    return 0;
}

// private
#include "asleep.h"

struct m { long type; char text[32]; };
int main(void) {
    int id = OK(msgget(IPC_PRIVATE, IPC_CREAT | 0600));
    struct m a = {5, "five"}, b = {2, "two"}, r;
    SHOW(msgsnd(id, &a, 5, 0));
    SHOW(msgsnd(id, &b, 4, 0));
    SHOW(msgrcv(id, &r, 32, 2, 0));
    STR(r.text);
    SHOW(msgrcv(id, &r, 32, 2, IPC_NOWAIT));
    SHOW(msgrcv(id, &r, 2, 0, 0));
    SHOW(msgrcv(id, &r, 2, 0, MSG_NOERROR));
    VAL(r.type);
    b.type = 0;
    SHOW(msgsnd(id, &b, 4, 0));
    pid_t c = fork();
    if (c == 0) {
        SHOW(msgrcv(id, &r, 32, -9, 0));
        STR(r.text);
        _exit(0);
    }
    asleep(c);
    MUST(msgsnd(id, &a, 5, 0));
    reap(c);
    struct msqid_ds d;
    SHOW(msgctl(id, IPC_STAT, &d));
    VAL(d.msg_qnum);
    SHOW(msgctl(id, IPC_RMID, NULL));
    SHOW(msgsnd(id, &a, 5, 0));
    SHOW(msgget(0x5c5c, 0));
    return 0;
}

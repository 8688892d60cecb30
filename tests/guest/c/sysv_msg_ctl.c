// private
#include "container_caps.h"

int main(void) {
    as_in_container();
    int key = 0x53300000 ^ getpid();
    SHOW(msgget(key, 0));
    int id = OK(msgget(key, IPC_CREAT | 0604));
    SHOW(msgget(key, IPC_CREAT | IPC_EXCL));
    SHOW(msgget(key, IPC_CREAT) == id);
    struct msqid_ds d;
    SHOW(msgctl(id, IPC_STAT, BAD));
    SHOW(msgctl(id, IPC_SET, BAD));
    SHOW(msgctl(-1, IPC_STAT, BAD));
    SHOW(msgctl(id, -1, BAD));
    SHOW(msgctl(id, 99, BAD));
    SHOW(msgctl(id ^ 0x8000, IPC_RMID, NULL));
    SHOW(msgctl(id, IPC_STAT, &d));
    printf("%o %d %ld\n", d.msg_perm.mode, d.msg_perm.__key == key, (long)d.msg_qbytes);
    SHOW(msgctl(id & 0x7fff, MSG_STAT, &d) == id);
    SHOW(msgctl(id & 0x7fff, 13, &d) == id);
    struct { long type; char text[8]; } m = {1, "abc"};
    MUST(msgsnd(id, &m, 4, 0));
    struct msginfo limits;
    OK(msgctl(0, IPC_INFO, (void *)&limits));
    printf("%d %d %d %d %d %d %d %d\n", limits.msgpool, limits.msgmap, limits.msgmax, limits.msgmnb, limits.msgmni,
           limits.msgssz, limits.msgtql, limits.msgseg);
    OK(msgctl(0, MSG_INFO, (void *)&limits));
    VAL(limits.msgpool >= 1 && limits.msgmap >= 1 && limits.msgtql >= 4);
    pid_t c = fork();
    if (c == 0) {
        MUST(setgroups(0, NULL));
        MUST(setgid(1500));
        MUST(setuid(1500));
        SHOW(msgsnd(id, &m, 4, 0));
        SHOW(msgrcv(id, &m, 8, 0, 0));
        SHOW(msgctl(id, IPC_STAT, &d));
        SHOW(msgctl(id, IPC_SET, &d));
        SHOW(msgctl(id, IPC_RMID, NULL));
        SHOW(msgget(key, 0600));
        SHOW(msgget(key, 0444) == id);
        int mine = MUST(msgget(IPC_PRIVATE, 0));
        SHOW(msgctl(mine, IPC_STAT, &d));
        d.msg_qbytes = 16385;
        SHOW(msgctl(mine, IPC_SET, &d));
        d.msg_qbytes = 5;
        d.msg_perm.mode = 0600;
        SHOW(msgctl(mine, IPC_SET, &d));
        SHOW(msgctl(mine, IPC_STAT, &d));
        VAL(d.msg_qbytes);
        SHOW(msgctl(mine, IPC_RMID, NULL));
        _exit(0);
    }
    reap(c);
    SHOW(msgctl(id, IPC_RMID, NULL));
    return 0;
}

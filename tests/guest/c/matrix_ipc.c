// private
#include "t.h"
#include "container_caps.h"
#include <linux/kcmp.h>
#include <linux/openat2.h>
#include <sys/personality.h>
/* System V and POSIX objects, and calls of one's own, at each flag, size and command. */

#define E(e) ({ errno = 0; long r_ = (long)(e); printf(" %s", r_ == -1 ? ename(errno) : r_ ? "n" : "0"); })
enum { KEY = 0x5b1e };
static int ok(int r) { return r < 0 ? -1 : 0; } /* numbers depend on what else there is */
static int gone(int id) { return id < 0 ? -1 : shmctl(id, IPC_RMID, NULL); }
static int fd_ok(int fd) { return fd < 0 ? -1 : close(fd); }

int main(void) {
    as_in_container();
    char b[8200] = {0};
    struct timespec zero = {0}, odd = {0, -1}, before = {-1, 0};
    printf("shmget:");
    E(gone(shmget(IPC_PRIVATE, 0, 0600))), E(gone(shmget(IPC_PRIVATE, -1, 0600))), E(gone(shmget(IPC_PRIVATE, 1, 0600))), E(shmget(KEY, 1, 0)), E(shmget(KEY, 0, IPC_CREAT));
    int id = MUST(shmget(KEY, 5000, IPC_CREAT | 0600));
    E(shmget(KEY, 5001, 0)), E(shmget(KEY, 0, 0) != id), E(shmget(KEY, 8192, 0)), E(shmget(KEY, 1, IPC_CREAT | IPC_EXCL)), E(shmget(KEY, 1, IPC_EXCL) != id);
    struct shmid_ds ds;
    for (int cmd = -1; cmd < 17; cmd++)
        if (cmd) E(ok(shmctl(id, cmd, (void *)b))), E(ok(shmctl(-1, cmd, (void *)b))), E(cmd > 1 && cmd < 4 || cmd > 12 ? ok(shmctl(id, cmd, BAD)) : 0);
    E(shmctl(1 << 30, IPC_STAT, &ds)), E(shmctl(id, IPC_STAT, &ds)), E(shmctl(id, IPC_SET, &ds));
    E(shmat(-1, 0, 0)), E(shmat(id, (void *)1, 0)), E(shmat(id, (void *)4097, 0)), E(shmat(id, (void *)0x1000, SHM_REMAP)), E(shmat(id, 0, SHM_REMAP)), E(shmdt(b)), E(shmdt((void *)1));
    void *at = shmat(id, 0, SHM_RDONLY);
    E(shmat(id, at, 0)), E(shmdt(at)), E(shmdt(at)), E(shmctl(id, IPC_RMID, 0)), E(shmctl(id, IPC_RMID, 0));
    printf("\nsem:");
    E(semget(IPC_PRIVATE, 0, 0600)), E(semget(IPC_PRIVATE, -1, 0600)), E(semget(IPC_PRIVATE, 1 << 20, 0600)), E(semget(KEY, 1, 0));
    int s = MUST(semget(KEY, 3, IPC_CREAT | 0600));
    E(semget(KEY, 4, 0)), E(semget(KEY, 2, 0) != s), E(semget(KEY, 3, IPC_CREAT | IPC_EXCL));
    union { int val; void *p; } u = {.p = b};
    for (int cmd = -1; cmd < 22; cmd++)
        if (cmd) E(ok(semctl(s, 0, cmd, u))), E(ok(semctl(s, 3, cmd, u))), E(ok(semctl(s, -1, cmd, u))), E(ok(semctl(-1, 0, cmd, u)));
    u.val = 32768, E(semctl(s, 0, SETVAL, u)), u.val = -1, E(semctl(s, 0, SETVAL, u)), u.val = 32767, E(semctl(s, 0, SETVAL, u)), u.p = BAD, E(semctl(s, 0, GETALL, u)), E(semctl(s, 0, SETALL, u)), E(semctl(s, 0, IPC_STAT, u));
    struct sembuf up = {0, 1, IPC_NOWAIT}, far = {3, 1, 0}, negative = {-1, 1, 0}, wait = {1, -1, IPC_NOWAIT}, z = {0, 0, IPC_NOWAIT}, undo = {1, 32767, SEM_UNDO}, undo2 = {1, 1, SEM_UNDO};
    E(semop(s, &up, 1)), E(semop(s, &far, 1)), E(semop(s, &negative, 1)), E(semop(s, &wait, 1)), E(semop(s, &z, 1)), E(semop(s, &up, 0)), E(semop(s, &up, 1 << 20)), E(semop(s, BAD, 1)), E(semop(-1, &up, 1)), E(semtimedop(s, &wait, 1, &odd)), E(semtimedop(s, &wait, 1, &before)), E(semtimedop(s, &wait, 1, BAD)), E(semop(s, &undo, 1)), E(semop(s, &undo2, 1)), E(semctl(s, 0, IPC_RMID)), E(semop(s, &up, 1)), E(semctl(s, 0, GETVAL));
    printf("\nmsg:");
    E(msgget(KEY, 0));
    int q = MUST(msgget(KEY, IPC_CREAT | 0600));
    E(msgget(KEY, IPC_CREAT | IPC_EXCL));
    struct { long type; char text[8192]; } m = {1};
    E(msgsnd(q, &m, 8192, 0)), E(msgsnd(q, &m, 8193, 0)), E(msgsnd(q, &m, -1, 0)), E(msgsnd(q, BAD, 1, 0)), E(msgsnd(-1, &m, 1, 0)), m.type = 0, E(msgsnd(q, &m, 1, 0)), m.type = -1, E(msgsnd(q, &m, 1, 0)), m.type = 2, E(msgsnd(q, &m, 0, 0)), E(msgsnd(q, &m, 8192, 0)), E(msgsnd(q, &m, 8192, IPC_NOWAIT));
    E(msgrcv(q, &m, 1, 0, 0)), E(msgrcv(q, &m, 1, 0, MSG_NOERROR) != 1), E(msgrcv(q, &m, -1, 0, 0)), E(msgrcv(q, BAD, 9000, 2, 0)), E(msgrcv(q, &m, 8192, 7, IPC_NOWAIT)), E(msgrcv(q, &m, 8192, -1, IPC_NOWAIT)), E(msgrcv(q, &m, 8192, 2, IPC_NOWAIT | MSG_EXCEPT)), E(msgrcv(q, &m, 8192, 0, MSG_COPY)), E(msgrcv(q, &m, 8192, 0, MSG_COPY | MSG_EXCEPT | IPC_NOWAIT)), E(msgrcv(-1, &m, 1, 0, 0));
    for (int cmd = -1; cmd < 14; cmd++)
        if (cmd > 0) E(ok(msgctl(q, cmd, (void *)b))), E(ok(msgctl(-1, cmd, (void *)b)));
    E(msgctl(q, IPC_STAT, BAD)), E(msgctl(q, IPC_RMID, NULL)), E(msgsnd(q, &m, 1, 0)), E(msgrcv(q, &m, 1, 0, 0));
    printf("\nmq:");
    char name[300];
    memset(name, 'n', 299), name[0] = '/', name[299] = 0;
    struct mq_attr a = {.mq_maxmsg = 2, .mq_msgsize = 8}, none = {0}, big = {.mq_maxmsg = 1 << 20, .mq_msgsize = 1 << 20}, minus = {.mq_maxmsg = -1, .mq_msgsize = -1};
    E(syscall(SYS_mq_open, "", O_CREAT, 0600, &a)), E(syscall(SYS_mq_open, "a/b", O_CREAT, 0600, &a)), E(syscall(SYS_mq_open, name + 1, O_CREAT, 0600, &a)), E(syscall(SYS_mq_open, ".", O_CREAT, 0600, &a)), E(syscall(SYS_mq_open, BAD, O_CREAT, 0600, &a)), E(syscall(SYS_mq_open, "surface", O_RDWR, 0600, &a)), E(syscall(SYS_mq_open, "surface", O_CREAT | O_RDWR, 0600, &none)), E(syscall(SYS_mq_open, "surface", O_CREAT | O_RDWR, 0600, &minus)), E(syscall(SYS_mq_open, "surface", O_CREAT | O_RDWR, 0600, BAD)), E(syscall(SYS_mq_open, "surface", O_CREAT | O_RDWR, 0600, &big));
    int mq = syscall(SYS_mq_open, "surface", O_CREAT | O_RDWR | O_NONBLOCK, 0600, &a);
    E(fd_ok(syscall(SYS_mq_open, "surface", O_CREAT | O_EXCL, 0600, &a)));
    E(syscall(SYS_mq_timedsend, mq, "x", 9, 0, 0)), E(syscall(SYS_mq_timedsend, mq, "x", 1, 32768, 0)), E(syscall(SYS_mq_timedsend, mq, BAD, 1, 0, 0)), E(syscall(SYS_mq_timedsend, mq, "x", 1, 0, &odd)), E(syscall(SYS_mq_timedsend, mq, "x", 0, 0, 0)), E(syscall(SYS_mq_timedsend, mq, "x", 1, 5, 0)), E(syscall(SYS_mq_timedsend, mq, "x", 1, 5, 0)), E(syscall(SYS_mq_timedreceive, mq, b, 7, 0, 0)), E(syscall(SYS_mq_timedreceive, mq, BAD, 8, 0, 0)), E(syscall(SYS_mq_timedreceive, mq, b, 8, BAD, 0)), E(syscall(SYS_mq_timedreceive, mq, b, 8, 0, &odd)), E(syscall(SYS_mq_timedreceive, mq, b, 8, 0, 0)), E(syscall(SYS_mq_timedreceive, mq, b, 8, 0, 0));
    struct sigevent e = {.sigev_notify = 9}, signal65 = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 65}, nothing = {.sigev_notify = SIGEV_NONE};
    E(syscall(SYS_mq_notify, mq, &e)), E(syscall(SYS_mq_notify, mq, &signal65)), E(syscall(SYS_mq_notify, mq, BAD)), E(syscall(SYS_mq_notify, mq, &nothing)), E(syscall(SYS_mq_notify, mq, &nothing)), E(syscall(SYS_mq_notify, mq, NULL)), E(syscall(SYS_mq_notify, 0, NULL)), a.mq_flags = 1, E(syscall(SYS_mq_getsetattr, mq, &a, NULL)), a.mq_flags = O_NONBLOCK, E(syscall(SYS_mq_getsetattr, mq, &a, &a)), E(syscall(SYS_mq_getsetattr, mq, BAD, NULL)), E(syscall(SYS_mq_getsetattr, mq, NULL, BAD));
    E(syscall(SYS_mq_unlink, "surface")), E(syscall(SYS_mq_unlink, "surface")), E(syscall(SYS_mq_unlink, "")), E(syscall(SYS_mq_unlink, BAD)), E(syscall(SYS_mq_unlink, name + 1));
    printf("\nopenat2:");
    struct open_how how = {.flags = O_RDONLY};
    for (int bit = 0; bit < 40; bit++)
        if (bit != 22 && bit != 20 && bit != 13) how.flags = 1UL << bit, how.mode = 0, E(fd_ok(syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof how)));
    how.flags = 0;
    for (int bit = 0; bit < 10; bit++)
        if (bit != 5) how.resolve = 1UL << bit, E(fd_ok(syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof how))), E(fd_ok(syscall(SYS_openat2, AT_FDCWD, "/proc/self/exe", &how, sizeof how))), E(fd_ok(syscall(SYS_openat2, AT_FDCWD, "..", &how, sizeof how)));
    how.resolve = 0, how.mode = 0600, E(syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof how)), E(syscall(SYS_openat2, AT_FDCWD, ".", &how, 23)), E(syscall(SYS_openat2, AT_FDCWD, ".", BAD, 24)), E(syscall(SYS_openat2, AT_FDCWD, ".", &how, 5000));
    printf("\nkcmp:");
    int me = getpid();
    for (int kind = -1; kind < 9; kind++)
        if (kind != 7) E(syscall(SYS_kcmp, me, me, kind, 0, 0)), E(syscall(SYS_kcmp, me, 1 << 30, kind, 0, 0)), E(syscall(SYS_kcmp, me, me, kind, 999, 0));
    printf("\nclose_range:");
    E(syscall(SYS_close_range, 5, 4, 0)), E(syscall(SYS_close_range, 900, -1, 0)), E(syscall(SYS_close_range, 900, 901, 1)), E(syscall(SYS_close_range, 900, 901, 2)), E(syscall(SYS_close_range, 900, 901, 4)), E(syscall(SYS_close_range, 900, 901, 6)), E(syscall(SYS_close_range, -1, -1, 0));
    printf("\nothers:");
    E(syscall(SYS_getcpu, NULL, NULL, NULL)), E(syscall(SYS_getcpu, BAD, NULL, NULL)), E(syscall(SYS_getcwd, b, 0)), E(syscall(SYS_getcwd, b, 2)), E(syscall(SYS_getcwd, BAD, 4096)), E(syscall(SYS_uname, BAD)), E(syscall(SYS_sysinfo, BAD)), E(syscall(SYS_times, BAD)), E(syscall(SYS_gettimeofday, BAD, NULL)), E(syscall(SYS_time, BAD)), E(sethostname(b, 65)), E(sethostname(b, -1)), E(syscall(SYS_capget, BAD, BAD)), E(syscall(SYS_arch_prctl, 0x1001, -1)), E(syscall(SYS_set_tid_address, BAD) == me ? 0 : -1), E(syscall(SYS_getdents, 0, b, 100)), E(syscall(SYS_poll, BAD, 1, 0)), E(syscall(SYS_poll, NULL, -1, 0)), E(syscall(SYS_ppoll, NULL, 0, &odd, NULL, 8)), E(syscall(SYS_ppoll, NULL, 0, &zero, b, 4)), E(syscall(SYS_select, -1, 0, 0, 0, 0)), E(syscall(SYS_select, 1, BAD, 0, 0, 0)), E(syscall(SYS_pselect6, 0, 0, 0, 0, &odd, 0)), E(syscall(SYS_pselect6, 0, 0, 0, 0, &zero, BAD)), E(syscall(SYS_epoll_pwait2, 0, b, 1, &odd, 0, 8)), E(syscall(SYS_seccomp, 9, 0, 0)), E(syscall(SYS_seccomp, 0, 1, 0)), E(syscall(SYS_seccomp, 1, 0, 0)), E(syscall(SYS_seccomp, 2, 1, NULL)), E(syscall(SYS_seccomp, 3, 0, NULL)), E(syscall(SYS_io_setup, 0, b)), E(syscall(SYS_io_destroy, 0L)), E(syscall(SYS_io_getevents, 0L, 0, 0, 0, 0)), E(syscall(SYS_fadvise64, 0, 0, 0, 7)), E(syscall(SYS_umask, 022) & 0), E(syscall(9999)), E(syscall(-1L)), E(syscall(SYS_vserver)), E(syscall(SYS_tuxcall)), E(syscall(SYS_getpmsg));
    puts("");
    return 0;
}

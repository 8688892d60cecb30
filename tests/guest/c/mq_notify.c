// cflags: -lrt
#include "asleep.h"

static volatile int got;
static void on_signal(int signo, siginfo_t *info, void *context) {
    printf("signal %d code %d value %d from %s\n", signo, info->si_code, info->si_value.sival_int,
           info->si_pid == getpid() ? "me" : "another");
    got++;
}
static sem_t told;
static void on_thread(union sigval value) {
    printf("thread told %d\n", value.sival_int);
    sem_post(&told);
}
static void status(mqd_t q) {
    char b[128] = "";
    lseek(q, 0, SEEK_SET);
    int n = MUST(read(q, b, sizeof b - 1));
    char *pid = strstr(b, "NOTIFY_PID:");
    printf("%.*s pid %s\n", (int)(pid - b), b, atoi(pid + 11) == getpid() ? "mine" : atoi(pid + 11) ? "another's" : "none");
    (void)n;
}
int main(void) {
    char name[64], b[64];
    sprintf(name, "/notify.%d", getpid());
    struct mq_attr a = {0, 4, 32};
    mqd_t q = MUST(mq_open(name, O_RDWR | O_CREAT, 0600, &a));
    struct sigaction s = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    MUST(sigaction(SIGUSR1, &s, NULL));
    struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42};
    SHOW(mq_notify(q, NULL));
    SHOW(mq_notify(q, &e));
    SHOW(mq_notify(q, &e));
    status(q);
    pid_t c = fork();
    if (c == 0) {
        SHOW(mq_notify(q, &e));
        SHOW(mq_notify(q, NULL));
        status(q);
        MUST(mq_send(q, "a", 1, 0));
        _exit(0);
    }
    reap(c);
    while (!got) nap(1);
    status(q);
    MUST(mq_send(q, "b", 1, 0));
    SHOW(mq_notify(q, &e)); /* not empty: only when it was empty */
    MUST(mq_send(q, "c", 1, 0));
    while (mq_receive(q, b, 64, NULL) && (mq_getattr(q, &a), a.mq_curmsgs));
    MUST(mq_send(q, "d", 1, 0));
    VAL(got);
    MUST(mq_receive(q, b, 64, NULL));
    SHOW(mq_notify(q, &e));
    SHOW(mq_notify(q, NULL));
    MUST(mq_send(q, "e", 1, 0));
    MUST(mq_receive(q, b, 64, NULL));
    VAL(got);

    /* A receiver that waits comes first. */
    SHOW(mq_notify(q, &e));
    c = fork();
    if (c == 0) _exit(mq_receive(q, b, 64, NULL));
    asleep(c);
    MUST(mq_send(q, "fg", 2, 0));
    reap(c);
    status(q);
    /* Any close of the queue by the process takes it back. */
    mqd_t again = MUST(mq_open(name, O_RDONLY));
    close(again);
    status(q);
    e.sigev_notify = SIGEV_NONE;
    SHOW(mq_notify(q, &e));
    status(q);
    MUST(mq_send(q, "h", 1, 0));
    status(q);
    MUST(mq_receive(q, b, 64, NULL));

    e.sigev_notify = 7;
    SHOW(mq_notify(q, &e));
    e.sigev_notify = SIGEV_SIGNAL;
    e.sigev_signo = 65;
    SHOW(mq_notify(q, &e));
    e.sigev_signo = -1;
    SHOW(mq_notify(q, &e));
    e.sigev_signo = SIGUSR1;
    SHOW(mq_notify(0, &e));
    SHOW(mq_notify(55, NULL));
    SHOW(syscall(SYS_mq_notify, q, BAD));
    e.sigev_notify = SIGEV_THREAD;
    e.sigev_value.sival_ptr = BAD;
    SHOW(syscall(SYS_mq_notify, q, &e));
    char cookie[32] = "a cookie for netlink, 31 bytes.";
    e.sigev_value.sival_ptr = cookie;
    e.sigev_signo = 55;
    SHOW(syscall(SYS_mq_notify, q, &e));
    e.sigev_signo = 0;
    SHOW(syscall(SYS_mq_notify, q, &e));
    int unix_socket = MUST(socket(AF_UNIX, SOCK_DGRAM, 0)), netlink = MUST(socket(AF_NETLINK, SOCK_RAW, 0));
    e.sigev_signo = unix_socket;
    SHOW(syscall(SYS_mq_notify, q, &e));
    e.sigev_signo = netlink;
    SHOW(syscall(SYS_mq_notify, q, &e));
    status(q);
    SHOW(recv(netlink, b, 64, MSG_DONTWAIT));
    MUST(mq_send(q, "i", 1, 0));
    SHOW(recv(netlink, b, 64, MSG_DONTWAIT));
    printf("%.31s %d\n", b, b[31]);
    MUST(mq_receive(q, b, 64, NULL));
    SHOW(syscall(SYS_mq_notify, q, &e));
    SHOW(mq_notify(q, NULL));
    SHOW(recv(netlink, b, 64, MSG_DONTWAIT));
    printf("%.31s %d\n", b, b[31]);

    sem_init(&told, 0, 0);
    struct sigevent thread = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_thread, .sigev_value.sival_int = 77};
    SHOW(mq_notify(q, &thread));
    MUST(mq_send(q, "j", 1, 0));
    sem_wait(&told);
    MUST(mq_unlink(name));
    return 0;
}

// admin
/* Waiting for changes of the host's name: poll and epoll of /proc/sys/kernel/hostname and domainname, and /proc/swaps. */
#include "t.h"

static int host, domain, swaps, names;

static void look(const char *when) {
    struct pollfd p[3] = {{host, POLLIN | POLLOUT | POLLPRI}, {domain, POLLIN | POLLOUT | POLLPRI}, {swaps, POLLIN | POLLOUT | POLLPRI}};
    int n = poll(p, 3, 0);
    printf("%s: %d %x %x %x\n", when, n, p[0].revents, p[1].revents, p[2].revents);
}

int main(void) {
    alarm(20);
    MUST(unshare(CLONE_NEWUTS));
    host = MUST(open("/proc/sys/kernel/hostname", O_RDONLY));
    domain = MUST(open("/proc/sys/kernel/domainname", O_RDONLY));
    swaps = MUST(open("/proc/swaps", O_RDONLY));
    look("at first"), look("again");
    sethostname("one", 3), look("host"), look("again");
    setdomainname("two", 3), look("domain"), look("again");
    sethostname("one", 3), look("the same"), look("again");
    names = MUST(open("/proc/sys/kernel/hostname", O_WRONLY));
    MUST(write(names, "three\n", 6)), look("written"), look("again");
    SHOW(sethostname("x", -1)), look("refused");
    int e = epoll_create1(0);
    struct epoll_event want = {EPOLLPRI, {0}}, got;
    MUST(epoll_ctl(e, EPOLL_CTL_ADD, host, &want));
    SHOW(epoll_wait(e, &got, 1, 0));
    pid_t p = fork();
    if (!p) {
        sethostname("four", 4);
        _exit(0);
    }
    SHOW(epoll_wait(e, &got, 1, 10000)), printf("%x\n", got.events);
    SHOW(epoll_wait(e, &got, 1, 0));
    reap(p);
    struct pollfd one = {host, POLLPRI};
    SHOW(poll(&one, 1, 0));
    p = fork();
    if (!p) {
        sethostname("five", 4);
        _exit(0);
    }
    SHOW(poll(&one, 1, 10000)), printf("%x\n", one.revents);
    reap(p);
    char b[100] = "";
    pread(host, b, 99, 0), printf("%s", b);
    return 0;
}

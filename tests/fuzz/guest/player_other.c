/* Operations on memory, pipes, sockets, signals, events and the process. Nothing here may wait. */
#include "player.h"

static char buffer[1 << 16];

static long two(long slot, long result, const int *pair) {
    if (result) return result;
    keep(slot, pair[0]);
    keep(slot + 1, pair[1]);
    tell(" %d %d", pair[0], pair[1]);
    return 0;
}

OP(pipe) { int p[2]; return two(a[0], RESULT(pipe2(p, O_NONBLOCK | a[1])), p); }
OP(pipesize) { return RESULT(a[1] < 0 ? fcntl(FD(a[0]), F_GETPIPE_SZ) : fcntl(FD(a[0]), F_SETPIPE_SZ, a[1])); }
OP(fionread) {
    int n = -1;
    long result = RESULT(ioctl(FD(a[0]), FIONREAD, &n));
    if (result == -EINVAL) result = -ENOTTY; /* epoll, which has ioctls of its own since Linux 6.9 */
    if (!result) tell(" %d", n);
    return result;
}
OP(socketpair) { int p[2]; return two(a[0], RESULT(socketpair(AF_UNIX, a[1] | SOCK_NONBLOCK, 0, p)), p); }
OP(socket) { return keep(a[0], RESULT(socket(AF_UNIX, a[1] | SOCK_NONBLOCK, 0))); }
static socklen_t name_of(struct sockaddr_un *name, long number) {
    name->sun_family = AF_UNIX;
    strcpy(name->sun_path, path_of(number < 0 ? 0 : number == 99 ? 1 : number));
    return offsetof(struct sockaddr_un, sun_path) + strlen(name->sun_path) + 1;
}
OP(bind) { struct sockaddr_un name; socklen_t n = name_of(&name, a[1]); return RESULT(bind(FD(a[0]), (void *)&name, n)); }
OP(connect) { struct sockaddr_un name; socklen_t n = name_of(&name, a[1]); return RESULT(connect(FD(a[0]), (void *)&name, n)); }
OP(listen) { return RESULT(listen(FD(a[0]), a[1])); }
OP(accept) { return keep(a[0], RESULT(accept4(FD(a[1]), 0, 0, SOCK_NONBLOCK | a[2]))); }
OP(sockname) {
    struct sockaddr_un name = {0};
    socklen_t n = sizeof name;
    long result = RESULT((a[1] ? getpeername : getsockname)(FD(a[0]), (void *)&name, &n));
    if (!result) tell(" %d %u %s", name.sun_family, n, n > 2 ? name.sun_path : "");
    return result;
}
OP(send) {
    for (long i = 0; i < a[1]; i++) buffer[i] = 'A' + i % 26;
    return RESULT(send(FD(a[0]), buffer, a[1], a[2] | MSG_NOSIGNAL | MSG_DONTWAIT));
}
OP(recv) {
    long result = RESULT(recv(FD(a[0]), buffer, a[1], a[2] | MSG_DONTWAIT));
    if (result >= 0) tell_bytes(buffer, result < a[1] ? result : a[1]);
    return result;
}
OP(sendfd) {
    struct stat st; /* when sockets in sockets' own queues are found to be garbage is left to Linux */
    if (!fstat(FD(a[1]), &st) && S_ISSOCK(st.st_mode)) return 0;
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec v = {"fd", a[2]};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &FD(a[1]), sizeof(int));
    return RESULT(sendmsg(FD(a[0]), &m, MSG_NOSIGNAL | MSG_DONTWAIT));
}
OP(recvfd) {
    char control[64] = {0};
    struct iovec v = {buffer, a[2]};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = a[3]};
    long result = RESULT(recvmsg(FD(a[1]), &m, MSG_DONTWAIT | a[4]));
    if (result < 0) return result;
    tell(" flags %x control %ld", m.msg_flags & ~MSG_DONTWAIT, (long)m.msg_controllen);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        int fd = *(int *)CMSG_DATA(c);
        tell(" %d/%d/%ld", c->cmsg_level, c->cmsg_type, (long)c->cmsg_len);
        if (c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int))) tell(" fd %d", fd), keep(a[0], fd);
    }
    return result;
}
OP(shutdown) { /* of what is not connected: Linux 6.13 changed which error its senders get */
    struct sockaddr_un name;
    socklen_t n = sizeof name;
    if (getpeername(FD(a[0]), (void *)&name, &n)) return -ENOTCONN;
    return RESULT(shutdown(FD(a[0]), a[1]));
}
OP(getsockopt) {
    int value[8] = {0};
    socklen_t n = a[2];
    long result = RESULT(getsockopt(FD(a[0]), SOL_SOCKET, a[1], value, &n));
    if (!result) tell(" %u", n);
    if (!result && a[1] != SO_PEERCRED) tell(" %x", value[0]);
    return result;
}
OP(setsockopt) { int value[2] = {a[2], 0}; return RESULT(setsockopt(FD(a[0]), SOL_SOCKET, a[1], value, a[3])); }

OP(eventfd) { return keep(a[0], RESULT(eventfd(a[1], EFD_NONBLOCK | a[2]))); }
OP(signalfd) { sigset_t set; memset(&set, 0, sizeof set); *(long *)&set = a[2]; return keep(a[0], RESULT(signalfd(a[1] < 0 ? -1 : FD(a[1]), &set, SFD_NONBLOCK))); }
OP(readsignal) {
    struct signalfd_siginfo info[2];
    long result = RESULT(read(FD(a[0]), info, a[1]));
    for (int i = 0; i < result / (int)sizeof *info; i++) tell(" signal %u code %d value %d", info[i].ssi_signo, info[i].ssi_code, info[i].ssi_int);
    return result;
}
OP(timerfd) { return keep(a[0], RESULT(timerfd_create(a[1], TFD_NONBLOCK))); }
OP(settime) { /* it has passed, or is far away */
    struct itimerspec its = {{a[2], 0}, {a[3], a[4]}}, old;
    long result = RESULT(timerfd_settime(FD(a[0]), a[1], &its, &old));
    if (!result) tell(" old %ld %d", (long)old.it_interval.tv_sec, old.it_value.tv_sec > 1000);
    return result;
}
OP(memfd) { return keep(a[0], RESULT(memfd_create("m", a[1]))); }
OP(addseals) { return RESULT(fcntl(FD(a[0]), F_ADD_SEALS, a[1])); }
OP(getseals) { return RESULT(fcntl(FD(a[0]), F_GET_SEALS)); }

OP(epoll) { return keep(a[0], RESULT(epoll_create1(a[1]))); }
OP(epollctl) { struct epoll_event e = {a[3], {.u64 = a[2]}}; return RESULT(epoll_ctl(FD(a[0]), a[1], FD(a[2]), &e)); }
static int by_data(const void *x, const void *y) {
    long p = ((const struct epoll_event *)x)->data.u64, q = ((const struct epoll_event *)y)->data.u64;
    return p < q ? -1 : p > q;
}
OP(epollwait) {
    struct epoll_event e[8];
    long n = RESULT(epoll_wait(FD(a[0]), e, a[1], 0));
    if (a[1] < 8) return n; /* which ones, then, is a question of order */
    qsort(e, n < 0 ? 0 : n, sizeof *e, by_data);
    for (int i = 0; i < n; i++) tell(" %ld:%x", (long)e[i].data.u64, e[i].events);
    return n;
}
OP(poll) {
    struct pollfd p[SLOTS];
    for (int i = 0; i < SLOTS; i++) p[i] = (struct pollfd){FD(i), a[0], 0};
    long n = RESULT(poll(p, a[1], 0));
    for (int i = 0; i < a[1] && i < SLOTS; i++) tell(" %x", p[i].revents);
    return n;
}
OP(select) {
    fd_set in, out, bad;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&bad);
    for (int i = 0; i < SLOTS; i++)
        if (a[0] >> i & 1 && FD(i) >= 0 && FD(i) < 64) FD_SET(FD(i), &in), FD_SET(FD(i), &out), FD_SET(FD(i), &bad);
    struct timeval none = {0};
    long n = RESULT(select(64, &in, &out, &bad, &none));
    if (n >= 0) tell(" %lx %lx %lx", *(long *)&in, *(long *)&out, *(long *)&bad);
    return n;
}
OP(inotify) { return keep(a[0], RESULT(inotify_init1(IN_NONBLOCK))); }
OP(watch) { return RESULT(inotify_add_watch(FD(a[0]), path_of(a[1]), a[2])); }
OP(unwatch) { return RESULT(inotify_rm_watch(FD(a[0]), a[1])); }
OP(readnotes) {
    static unsigned cookies[32];
    static int n;
    long size = RESULT(read(FD(a[0]), buffer, a[1]));
    for (long at = 0; at < size; at += 16 + *(unsigned *)(buffer + at + 12)) {
        struct inotify_event *e = (void *)(buffer + at);
        int cookie = 0;
        while (e->cookie && cookie < n && cookies[cookie] != e->cookie) cookie++;
        if (e->cookie && cookie == n && n < 32) cookies[n++] = e->cookie;
        tell(" %d:%x:%d:%s", e->wd, e->mask, e->cookie ? cookie + 1 : 0, e->len ? e->name : "");
    }
    return size;
}

OP(sigmask) {
    unsigned long set = a[1], old = 0;
    long result = RESULT(syscall(SYS_rt_sigprocmask, a[0], &set, &old, 8));
    tell(" old %lx", old);
    return result;
}
OP(sigpending) { unsigned long set = 0; long result = RESULT(syscall(SYS_rt_sigpending, &set, 8)); tell(" %lx", set); return result; }
static void on_signal(int signo) { told->signals[signo]++; }
OP(sigaction) {
    struct sigaction act = {.sa_flags = a[2]}, old;
    act.sa_handler = a[1] == 0 ? SIG_DFL : a[1] == 1 ? SIG_IGN : on_signal;
    long result = RESULT(sigaction(a[0], &act, &old));
    if (!result) tell(" old %d flags %x", old.sa_handler == SIG_DFL ? 0 : old.sa_handler == SIG_IGN ? 1 : 2, old.sa_flags & ~0x4000000);
    return result;
}
OP(kill) { long result = RESULT(kill(getpid(), a[0])); tell(" handled %d", a[0] > 0 && a[0] < 65 ? told->signals[a[0]] : 0); return result; }
OP(sigqueue) { long result = RESULT(sigqueue(getpid(), a[0], (union sigval){.sival_int = a[1]})); tell(" handled %d", a[0] > 0 && a[0] < 65 ? told->signals[a[0]] : 0); return result; }
OP(sigwait) {
    unsigned long set = a[0];
    siginfo_t info;
    struct timespec none = {0};
    long result = RESULT(syscall(SYS_rt_sigtimedwait, &set, &info, &none, 8));
    if (result > 0) tell(" code %d value %d", info.si_code, info.si_code == SI_QUEUE ? info.si_value.sival_int : 0);
    return result;
}
OP(setuid) { return RESULT(a[1] ? seteuid(a[0]) : setuid(a[0])); }
OP(setgid) { return RESULT(a[1] ? setegid(a[0]) : setgid(a[0])); }
OP(nofile) { struct { unsigned long now, most; } l = {a[0], 1024}; return RESULT(syscall(SYS_prlimit64, 0, 7, &l, 0)); }
OP(fsize) { struct { unsigned long now, most; } l = {a[0], 1 << 30}; signal(SIGXFSZ, SIG_IGN); return RESULT(syscall(SYS_prlimit64, 0, 1, &l, 0)); }
OP(futex) { unsigned word = a[1]; struct timespec none = {0}; int op = a[0] & 127; return RESULT(syscall(SYS_futex, &word, a[0], a[2], op == 3 || op == 4 || op == 5 || op == 12 ? (void *)a[2] : &none, &word, a[3])); }

static sigjmp_buf out;
static void on_fault(int signo, siginfo_t *info, void *context) { siglongjmp(out, signo << 8 | info->si_code); }
static long guarded(void (*what)(const long *), const long *a) {
    struct sigaction act = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO}, old[2];
    sigaction(SIGSEGV, &act, &old[0]);
    sigaction(SIGBUS, &act, &old[1]);
    int fault = sigsetjmp(out, 1);
    if (!fault) what(a);
    else tell(" fault %x", fault);
    sigaction(SIGSEGV, &old[0], 0);
    sigaction(SIGBUS, &old[1], 0);
    return 0;
}
static void do_peek(const long *a) { tell(" %02x", pieces[a[0] & 3][a[1]] & 255); }
static void do_poke(const long *a) { pieces[a[0] & 3][a[1]] = a[2]; }
static void *place(long n) { /* pieces are apart, so that none joins or borders on another */
    return (void *)(0x200000000000 + n * 0x10000000);
}
OP(mmap) {
    long n = a[0] & 3;
    struct stat st; /* over a socket mmap fails late, and what was at the place may be gone then */
    if (!(a[4] & MAP_ANONYMOUS) && !fstat(FD(a[1]), &st) && S_ISSOCK(st.st_mode)) return -ENODEV;
    void *p = mmap(place(n), a[2], a[3], a[4] | MAP_FIXED, a[4] & MAP_ANONYMOUS ? -1 : FD(a[1]), a[5]);
    if (p == MAP_FAILED) return -errno;
    pieces[n] = p;
    return p != place(n);
}
OP(munmap) { long n = a[0] & 3; return RESULT(munmap(place(n) + a[1], a[2])); }
OP(mprotect) { return RESULT(mprotect(place(a[0] & 3) + a[1], a[2], a[3])); }
OP(mremap) { return mremap(place(a[0] & 3), a[1], a[2], 0) == MAP_FAILED ? -errno : 0; }
OP(msync) { return RESULT(msync(place(a[0] & 3) + a[1], a[2], a[3])); }
OP(madvise) { return RESULT(madvise(place(a[0] & 3) + a[1], a[2], a[3])); }
OP(mincore) { long result = RESULT(mincore(place(a[0] & 3), a[1], (unsigned char *)buffer)); return result; }
OP(peek) { if (!pieces[a[0] & 3]) return -EINVAL; return guarded(do_peek, a); }
OP(poke) { if (!pieces[a[0] & 3]) return -EINVAL; return guarded(do_poke, a); }
OP(readinto) { if (!pieces[a[1] & 3]) return -EINVAL; return RESULT(read(FD(a[0]), pieces[a[1] & 3] + a[2], a[3])); }
OP(writefrom) { /* of a sealed file: Linux 6.14 changed whether seals or bytes come first */
    if (!pieces[a[1] & 3] || fcntl(FD(a[0]), F_GET_SEALS) > F_SEAL_SEAL) return -EINVAL;
    return RESULT(write(FD(a[0]), pieces[a[1] & 3] + a[2], a[3]));
}

#define ENTRY(name) {#name, op_##name}
const struct op other_ops[] = {
    ENTRY(pipe), ENTRY(pipesize), ENTRY(fionread), ENTRY(socketpair), ENTRY(socket), ENTRY(bind), ENTRY(connect), ENTRY(listen),
    ENTRY(accept), ENTRY(sockname), ENTRY(send), ENTRY(recv), ENTRY(sendfd), ENTRY(recvfd), ENTRY(shutdown), ENTRY(getsockopt),
    ENTRY(setsockopt), ENTRY(eventfd), ENTRY(signalfd), ENTRY(readsignal), ENTRY(timerfd), ENTRY(settime), ENTRY(memfd),
    ENTRY(addseals), ENTRY(getseals), ENTRY(epoll), ENTRY(epollctl), ENTRY(epollwait), ENTRY(poll), ENTRY(select),
    ENTRY(inotify), ENTRY(watch), ENTRY(unwatch), ENTRY(readnotes), ENTRY(sigmask), ENTRY(sigpending), ENTRY(sigaction),
    ENTRY(kill), ENTRY(sigqueue), ENTRY(sigwait), ENTRY(setuid), ENTRY(setgid), ENTRY(nofile), ENTRY(fsize), ENTRY(futex),
    ENTRY(mmap), ENTRY(munmap), ENTRY(mprotect), ENTRY(mremap), ENTRY(msync), ENTRY(madvise), ENTRY(mincore), ENTRY(peek),
    ENTRY(poke), ENTRY(readinto), ENTRY(writefrom), {0, 0},
};

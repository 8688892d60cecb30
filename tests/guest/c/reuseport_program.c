/* SO_ATTACH_REUSEPORT_CBPF: when it is taken, whom of a group it chooses, who comes and goes, datagrams and connections. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_DETACH_REUSEPORT_BPF
#define SO_DETACH_REUSEPORT_BPF 68
#endif

static const char *name(int result) { return result < 0 ? strerrorname_np(errno) : "ok"; }

static int set(int fd, int option, int value) { return setsockopt(fd, SOL_SOCKET, option, &value, sizeof value); }

static int attach(int fd, struct sock_filter *code, unsigned count) {
    struct sock_fprog program = {count, code};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program);
}

static struct sock_filter by_first_byte[] = {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), BPF_STMT(BPF_RET | BPF_A, 0)};
static struct sock_filter by_length[] = {BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_RET | BPF_A, 0)};
static struct sock_filter second[] = {BPF_STMT(BPF_RET | BPF_K, 1)};
static struct sock_filter by_protocol[] = {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, SKF_NET_OFF + 9),
                                           BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 17), BPF_STMT(BPF_RET | BPF_A, 0)};
static struct sock_filter endless[] = {BPF_STMT(BPF_LD | BPF_IMM, 1)};
#define ATTACH(fd, code) attach(fd, code, sizeof(code) / sizeof((code)[0]))

static struct sockaddr_in where;

static int fresh(int type, int shares) {
    int fd = socket(AF_INET, type, 0);
    set(fd, SO_REUSEPORT, shares);
    return fd;
}

static int join(int fd) {
    socklen_t size = sizeof where;
    if (bind(fd, (struct sockaddr *)&where, size) || getsockname(fd, (struct sockaddr *)&where, &size)) perror("bind");
    return fd;
}

static void forget(void) {
    memset(&where, 0, sizeof where);
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

/* Which of the sockets has something; it is read. */
static int who(int *fds, int count) {
    struct pollfd polled[8];
    int found = -1;
    char text[100];
    for (int i = 0; i < count; i++) polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    poll(polled, count, 2000);
    for (int i = 0; i < count; i++)
        if (polled[i].revents & POLLIN) {
            found = found < 0 ? i : 100;
            recv(fds[i], text, sizeof text, 0);
        }
    return found;
}

static int ask(int *fds, int count, int first, int length) {
    char text[100] = {(char)first};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    sendto(fd, text, length, 0, (struct sockaddr *)&where, sizeof where);
    close(fd);
    return who(fds, count);
}

static void errors(void) {
    struct sock_fprog program = {2, by_first_byte};
    int plain = fresh(SOCK_DGRAM, 0), shared = fresh(SOCK_DGRAM, 1), local = socket(AF_UNIX, SOCK_DGRAM, 0);
    printf("without SO_REUSEPORT %s, detach %s\n", name(ATTACH(plain, second)), name(set(plain, SO_DETACH_REUSEPORT_BPF, 0)));
    printf("before bind: detach %s", name(set(shared, SO_DETACH_REUSEPORT_BPF, 0)));
    printf(", attach %s", name(ATTACH(shared, second)));
    printf(", detach %s", name(set(shared, SO_DETACH_REUSEPORT_BPF, 0)));
    printf(", again %s\n", name(set(shared, SO_DETACH_REUSEPORT_BPF, 0)));
    forget();
    join(plain);
    set(plain, SO_REUSEPORT, 1);
    printf("bound before SO_REUSEPORT %s, detach %s\n", name(ATTACH(plain, second)),
           name(set(plain, SO_DETACH_REUSEPORT_BPF, 0)));
    printf("no end %s", name(ATTACH(shared, endless)));
    printf(", none %s", name(attach(shared, second, 0)));
    printf(", too long %s", name(attach(shared, second, 4097)));
    printf(", no code %s", name(attach(shared, (void *)8, 1)));
    printf(", short %s", name(setsockopt(shared, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, 8)));
    socklen_t size = sizeof program;
    printf(", read %s\n", name(getsockopt(shared, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, &size)));
    set(shared, SO_LOCK_FILTER, 1);
    printf("locked %s, detach %s\n", name(ATTACH(shared, second)), name(set(shared, SO_DETACH_REUSEPORT_BPF, 0)));
    printf("of a Unix socket %s, detach %s\n", name(ATTACH(local, second)), name(set(local, SO_DETACH_REUSEPORT_BPF, 0)));
    close(plain);
    close(shared);
    close(local);
}

static void datagrams(void) {
    int fds[4];
    forget();
    for (int i = 0; i < 3; i++) fds[i] = join(fresh(SOCK_DGRAM, 1));
    printf("attach to one: %s\n", name(ATTACH(fds[1], by_first_byte)));
    printf("by the first byte: %d %d %d\n", ask(fds, 3, 0, 1), ask(fds, 3, 1, 1), ask(fds, 3, 2, 1));
    printf("nobody is the tenth: one gets it %d\n", ask(fds, 3, 10, 1) < 3);
    fds[3] = join(fresh(SOCK_DGRAM, 1));
    printf("a late one is chosen, too: %d\n", ask(fds, 4, 3, 1));
    close(fds[0]);
    int left[3] = {fds[1], fds[2], fds[3]};
    printf("the first has left: %d %d %d\n", ask(left, 3, 0, 1), ask(left, 3, 1, 1), ask(left, 3, 2, 1));
    printf("by length: %s", name(ATTACH(fds[3], by_length)));
    printf(" %d %d\n", ask(left, 3, 9, 1), ask(left, 3, 9, 2));
    printf("by what is before: %s", name(ATTACH(fds[3], by_protocol)));
    printf(" %d\n", ask(left, 3, 9, 5));
    printf("detached by another: %s", name(set(fds[2], SO_DETACH_REUSEPORT_BPF, 0)));
    printf(", again %s\n", name(set(fds[3], SO_DETACH_REUSEPORT_BPF, 0)));
    for (int i = 1; i < 4; i++) close(fds[i]);
    forget();
    int first = fresh(SOCK_DGRAM, 1), other = fresh(SOCK_DGRAM, 1);
    ATTACH(first, second);
    int pair[2] = {join(first), join(other)};
    printf("attached before bind: %d %d %d\n", ask(pair, 2, 0, 1), ask(pair, 2, 0, 1), ask(pair, 2, 0, 1));
    close(first);
    close(other);
}

static void connections(void) {
    int fds[3], made[6];
    forget();
    for (int i = 0; i < 3; i++) {
        fds[i] = join(fresh(SOCK_STREAM, 1));
        if (i == 0) printf("a listener to be: %s\n", name(ATTACH(fds[i], second)));
        listen(fds[i], 10);
    }
    for (int i = 0; i < 6; i++) {
        made[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(made[i], (struct sockaddr *)&where, sizeof where)) perror("connect");
    }
    for (int taken = 0; taken < 6; taken++) {
        struct pollfd polled[3];
        for (int i = 0; i < 3; i++) polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
        poll(polled, 3, 2000);
        for (int i = 0; i < 3; i++)
            if (polled[i].revents & POLLIN) {
                close(accept(fds[i], NULL, NULL));
                printf("listener %d\n", i);
            }
    }
    for (int i = 0; i < 6; i++) close(made[i]);
    for (int i = 0; i < 3; i++) close(fds[i]);
}

int main(void) {
    errors();
    datagrams();
    connections();
    return 0;
}

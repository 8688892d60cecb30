// SO_ATTACH_FILTER on netlink sockets and on Unix datagrams and packets (net/core/filter.c).
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int attach(int fd, unsigned keep) {  // of messages whose first byte is not 'x', `keep` bytes
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'x', 1, 0),
        BPF_STMT(BPF_RET | BPF_K, keep), BPF_STMT(BPF_RET | BPF_K, 0)};
    struct sock_fprog program = {4, code};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

static void get(int fd) {
    char data[64] = "";
    ssize_t n = recv(fd, data, sizeof data, MSG_DONTWAIT);
    printf("  got %zd '%.*s' %s\n", n, n > 0 ? (int)n : 0, data, n < 0 ? strerror(errno) : "");
}

static void pair(const char *what, int kind) {
    int s[2], number = 1;
    socketpair(AF_UNIX, kind, 0, s);
    printf("%s: %d\n", what, attach(s[1], 3));
    printf("  sent %zd %zd %zd\n", send(s[0], "xyz", 3, 0), send(s[0], "hello", 5, 0), send(s[0], "hi", 2, 0));
    get(s[1]), get(s[1]), get(s[1]);
    struct sock_filter read[8];
    socklen_t size = 0;
    int r = getsockopt(s[1], SOL_SOCKET, SO_ATTACH_FILTER, read, &size);
    printf("  get: %d %u\n", r, size);
    size = 8;
    r = getsockopt(s[1], SOL_SOCKET, SO_ATTACH_FILTER, read, &size);
    printf("  get: %d %u %x\n", r, size, read[0].code);
    printf("  detach %d", setsockopt(s[1], SOL_SOCKET, SO_DETACH_FILTER, &number, sizeof number));
    printf(" %d", setsockopt(s[1], SOL_SOCKET, SO_DETACH_FILTER, &number, sizeof number));
    printf(" %s\n", strerror(errno));
    send(s[0], "xyz", 3, 0);
    get(s[1]);
    printf("  lock %d", setsockopt(s[1], SOL_SOCKET, SO_LOCK_FILTER, &number, sizeof number));
    printf(" attach %d", attach(s[1], 3));
    printf(" %s", strerror(errno));
    number = 0;
    printf(" unlock %d", setsockopt(s[1], SOL_SOCKET, SO_LOCK_FILTER, &number, sizeof number));
    printf(" %s\n", strerror(errno));
    size = sizeof number;
    getsockopt(s[1], SOL_SOCKET, SO_LOCK_FILTER, &number, &size);
    printf("  locked %d\n", number);
    close(s[0]), close(s[1]);
}

int main(void) {
    setvbuf(stdout, NULL, _IONBF, 0);
    pair("datagram", SOCK_DGRAM);
    pair("seqpacket", SOCK_SEQPACKET);
    pair("stream", SOCK_STREAM);
    int events = socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT);
    printf("uevent: %d\n", attach(events, -1));
    int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    struct sock_fprog none = {0, NULL};
    printf("none: %d", setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &none, sizeof none));
    printf(" %s\n", strerror(errno));
    printf("small: %d", setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &none, 4));
    printf(" %s\n", strerror(errno));
    struct {
        struct nlmsghdr h;
        struct rtgenmsg g;
    } ask = {{sizeof ask, RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, 7, 0}, {AF_UNSPEC}};
    for (int type = RTM_NEWLINK; type >= NLMSG_ERROR; type = type == RTM_NEWLINK ? NLMSG_ERROR : 0) {
        // only messages of this type
        struct sock_filter code[] = {
            BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 4), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __builtin_bswap16(type), 0, 1),
            BPF_STMT(BPF_RET | BPF_K, 20), BPF_STMT(BPF_RET | BPF_K, 0)};
        struct sock_fprog program = {4, code};
        printf("type %d: %d\n", type, setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
        send(s, &ask, sizeof ask, 0);
        char data[512];
        ssize_t n = recv(s, data, sizeof data, MSG_DONTWAIT);
        printf("  got %zd", n);
        if (n > 0)
            printf(" type %d", ((struct nlmsghdr *)data)->nlmsg_type);
        puts("");
    }
    return 0;
}

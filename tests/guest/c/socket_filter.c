/* SO_ATTACH_FILTER and its kin: which programs are taken, what they see of datagrams and streams, dropping, trimming,
 * locking, inheriting. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *name(int result)
{
    return result < 0 ? strerrorname_np(errno) : "ok";
}

static int attach(int fd, struct sock_filter *code, unsigned count)
{
    struct sock_fprog program = {count, code};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

static int set(int fd, int option, int value)
{
    return setsockopt(fd, SOL_SOCKET, option, &value, sizeof value);
}

static int bound(int family, int type, struct sockaddr_storage *where)
{
    int fd = socket(family, type, 0);
    socklen_t size = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    memset(where, 0, sizeof *where);
    where->ss_family = family;
    if (family == AF_INET)
        ((struct sockaddr_in *)where)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        ((struct sockaddr_in6 *)where)->sin6_addr = in6addr_loopback;
    if (bind(fd, (struct sockaddr *)where, size) || getsockname(fd, (struct sockaddr *)where, &size))
        perror("bind");
    return fd;
}

static void try_program(int fd, const char *title, struct sock_filter *code, unsigned count)
{
    printf("%s: %s\n", title, name(attach(fd, code, count)));
}

#define TRY(title, ...)                                          \
    do {                                                         \
        struct sock_filter code[] = {__VA_ARGS__};               \
        try_program(fd, title, code, COUNT(code));               \
    } while (0)

#define ALL BPF_STMT(BPF_RET | BPF_K, 0xffffffff)
#define NONE BPF_STMT(BPF_RET | BPF_K, 0)

static void checker(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    static struct sock_filter large[BPF_MAXINSNS + 1];
    for (unsigned at = 0; at < COUNT(large); at++)
        large[at] = (struct sock_filter)ALL;
    try_program(fd, "4096", large, BPF_MAXINSNS);
    try_program(fd, "4097", large, BPF_MAXINSNS + 1);
    try_program(fd, "none", large, 0);
    try_program(fd, "null", NULL, 1);
    try_program(fd, "bad address", (struct sock_filter *)8, 1);
    TRY("no return", BPF_STMT(BPF_LD | BPF_IMM, 1));
    TRY("return x", BPF_STMT(BPF_RET | BPF_X, 1));
    TRY("unknown", {0xffff, 0, 0, 0}, ALL);
    TRY("divide by 0", BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), ALL);
    TRY("modulo 0", BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 0), ALL);
    TRY("modulo x", BPF_STMT(BPF_ALU | BPF_MOD | BPF_X, 0), ALL);
    TRY("shift 31", BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 31), ALL);
    TRY("shift 32", BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 32), ALL);
    TRY("store 16", BPF_STMT(BPF_ST, 16), ALL);
    TRY("load unstored", BPF_STMT(BPF_LD | BPF_MEM, 3), ALL);
    TRY("load stored", BPF_STMT(BPF_ST, 3), BPF_STMT(BPF_LD | BPF_MEM, 3), ALL);
    TRY("stored on one way", BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), BPF_STMT(BPF_ST, 3),
        BPF_STMT(BPF_LD | BPF_MEM, 3), ALL);
    TRY("jump to the end", BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0), ALL);
    TRY("jump", BPF_JUMP(BPF_JMP | BPF_JA, 0, 0, 0), ALL);
    TRY("far jump", BPF_JUMP(BPF_JMP | BPF_JA, 0xffffffff, 0, 0), ALL);
    TRY("branch out", BPF_JUMP(BPF_JMP | BPF_JGT | BPF_X, 0, 0, 1), ALL);
    TRY("ancillary", BPF_STMT(BPF_LD | BPF_B | BPF_ABS, SKF_AD_OFF + SKF_AD_VLAN_TPID), ALL);
    TRY("no such ancillary", BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_MAX), ALL);
    TRY("between ancillaries", BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + 1), ALL);
    TRY("indirect there", BPF_STMT(BPF_LD | BPF_W | BPF_IND, SKF_AD_OFF + 1), ALL);
    TRY("msh of a word", BPF_STMT(BPF_LDX | BPF_W | BPF_MSH, 0), ALL);
    close(fd);
}

static void options(int family, int type)
{
    int fd = socket(family, type, 0), value = -1;
    socklen_t size = sizeof value;
    struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_LEN, 0), ALL}, back[4] = {{0}};
    struct sock_fprog program = {COUNT(code), code};
    printf("detach nothing: %s\n", name(set(fd, SO_DETACH_FILTER, 0)));
    for (socklen_t short_of = 0; short_of < sizeof program; short_of += 4)
        printf("%u bytes: %s\n", short_of,
               name(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, short_of)));
    printf("long: %s\n", name(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, back, sizeof program + 1)));
    size = 0;
    printf("get none: %s", name(getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, back, &size)));
    printf(" %u\n", size);
    printf("attach: %s\n", name(attach(fd, code, COUNT(code))));
    for (socklen_t room = 0; room < COUNT(back); room++) {
        size = room;
        printf("get %u: %s", room, name(getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, back, &size)));
        printf(" %u %d\n", size, memcmp(back, code, sizeof code) == 0);
    }
    printf("detach short: %s\n", name(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &value, 3)));
    printf("detach: %s\n", name(set(fd, SO_DETACH_FILTER, 0)));
    printf("get detach: %s\n", name(getsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &value, &size)));
    printf("again: %s %s\n", name(attach(fd, code, 2)), name(attach(fd, code, 2)));
    printf("lock 0: %s\n", name(set(fd, SO_LOCK_FILTER, 0)));
    printf("lock: %s\n", name(set(fd, SO_LOCK_FILTER, 7)));
    size = sizeof value;
    getsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &value, &size);
    printf("locked: %d\n", value);
    printf("unlock: %s\n", name(set(fd, SO_LOCK_FILTER, 0)));
    printf("lock again: %s\n", name(set(fd, SO_LOCK_FILTER, 1)));
    printf("attach: %s\n", name(attach(fd, code, 2)));
    printf("attach none: %s\n", name(attach(fd, NULL, 0)));
    printf("detach: %s\n", name(set(fd, SO_DETACH_FILTER, 0)));
    close(fd);
}

static int from, to;
static struct sockaddr_storage where;

/* What arrives of "abcdefghij" with a filter. */
static void datagram(const char *title, struct sock_filter *code, unsigned count)
{
    char text[64];
    struct iovec part = {text, sizeof text};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (attach(to, code, count))
        perror("attach");
    sendto(from, "abcdefghij", 10, 0, (struct sockaddr *)&where, sizeof where);
    ssize_t got = recvmsg(to, &message, MSG_DONTWAIT);
    printf("%s: %zd %.*s %x\n", title, got, got > 0 ? (int)got : 0, text, got < 0 ? 0 : message.msg_flags);
}

#define SEE(title, ...)                                          \
    do {                                                         \
        struct sock_filter code[] = {__VA_ARGS__};               \
        datagram(title, code, COUNT(code));                      \
    } while (0)
/* Passes whole if A is `value`. */
#define IS(value) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1), ALL, NONE
#define LD(size, where) BPF_STMT(BPF_LD | size | BPF_ABS, where)

static void datagrams(int family)
{
    int four = family == AF_INET, header = four ? 20 : 40;
    to = bound(family, SOCK_DGRAM, &where);
    from = socket(family, SOCK_DGRAM, 0);
    SEE("all", ALL);
    SEE("none", NONE);
    SEE("trim to 13", BPF_STMT(BPF_RET | BPF_K, 13));
    SEE("trim to 3", BPF_STMT(BPF_RET | BPF_K, 3));
    SEE("trim to 18", BPF_STMT(BPF_RET | BPF_K, 18));
    SEE("length", BPF_STMT(BPF_LD | BPF_LEN, 0), IS(18));
    SEE("return a", BPF_STMT(BPF_LD | BPF_IMM, 11), BPF_STMT(BPF_RET | BPF_A, 0));
    SEE("udp length", LD(BPF_H, 4), IS(18));
    SEE("first byte", LD(BPF_B, 8), IS('a'));
    SEE("last bytes", LD(BPF_W, 14), IS('g' << 24 | 'h' << 16 | 'i' << 8 | 'j'));
    SEE("beyond the end", LD(BPF_W, 15), ALL);
    SEE("far beyond", LD(BPF_B, 0x7fffffff), ALL);
    SEE("before all", LD(BPF_B, 0x80000000), ALL);
    SEE("indirect", BPF_STMT(BPF_LDX | BPF_IMM, 7), BPF_STMT(BPF_LD | BPF_B | BPF_IND, 2), IS('b'));
    SEE("indirect around", BPF_STMT(BPF_LDX | BPF_IMM, 12), BPF_STMT(BPF_LD | BPF_B | BPF_IND, -4), IS('a'));
    SEE("version", LD(BPF_B, SKF_NET_OFF), BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4), IS(four ? 4 : 6));
    SEE("network", LD(BPF_B, SKF_NET_OFF + header + 8), IS('a'));
    SEE("network's end", LD(BPF_H, SKF_NET_OFF + header + 17), ALL);
    SEE("link", LD(BPF_H, SKF_LL_OFF + 12), IS(four ? 0x0800 : 0x86dd));
    SEE("link address", LD(BPF_W, SKF_LL_OFF), IS(0));
    SEE("across", LD(BPF_W, SKF_LL_OFF + 11), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xfffff0),
        IS(four ? 0x080040 : 0x86dd60));
    SEE("behind link", LD(BPF_B, SKF_LL_OFF + 14 + header + 8), IS('a'));
    SEE("header length", BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 8), BPF_STMT(BPF_MISC | BPF_TXA, 0), IS(4));
    SEE("protocol", LD(BPF_W, SKF_AD_OFF + SKF_AD_PROTOCOL), IS(four ? 0x0800 : 0x86dd));
    SEE("packet type", LD(BPF_W, SKF_AD_OFF + SKF_AD_PKTTYPE), IS(0));
    SEE("interface", LD(BPF_W, SKF_AD_OFF + SKF_AD_IFINDEX), IS(if_nametoindex("lo")));
    SEE("hardware", LD(BPF_W, SKF_AD_OFF + SKF_AD_HATYPE), IS(772));
    SEE("mark", LD(BPF_W, SKF_AD_OFF + SKF_AD_MARK), IS(0));
    SEE("vlan", LD(BPF_W, SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT), IS(0));
    SEE("payload", LD(BPF_W, SKF_AD_OFF + SKF_AD_PAY_OFFSET), IS(8));
    SEE("xor", BPF_STMT(BPF_LDX | BPF_IMM, 6), BPF_STMT(BPF_LD | BPF_IMM, 5),
        LD(BPF_W, SKF_AD_OFF + SKF_AD_ALU_XOR_X), IS(3));
    SEE("random", LD(BPF_W, SKF_AD_OFF + SKF_AD_RANDOM), ALL);
    SEE("attribute", BPF_STMT(BPF_LDX | BPF_IMM, 'd' << 8 | 'c'), BPF_STMT(BPF_LD | BPF_IMM, 8),
        LD(BPF_W, SKF_AD_OFF + SKF_AD_NLATTR), IS(0));
    SEE("divide by x", BPF_STMT(BPF_LDX | BPF_IMM, 0), BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), ALL);
    SEE("modulo", BPF_STMT(BPF_LD | BPF_IMM, 17), BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 5), IS(2));
    SEE("shift by x", BPF_STMT(BPF_LDX | BPF_IMM, 33), BPF_STMT(BPF_LD | BPF_IMM, 3),
        BPF_STMT(BPF_ALU | BPF_LSH | BPF_X, 0), IS(6));
    SEE("negate", BPF_STMT(BPF_LD | BPF_IMM, 3), BPF_STMT(BPF_ALU | BPF_NEG, 0), IS(0xfffffffd));
    SEE("memory", BPF_STMT(BPF_LD | BPF_IMM, 9), BPF_STMT(BPF_ST, 15), BPF_STMT(BPF_LDX | BPF_MEM, 15),
        BPF_STMT(BPF_LD | BPF_IMM, 0), BPF_STMT(BPF_MISC | BPF_TXA, 0), IS(9));
    close(from);
    close(to);
}

static int readable(int fd, int milliseconds)
{
    struct pollfd poller = {fd, POLLIN, 0};
    return poll(&poller, 1, milliseconds);
}

/* A listener's filter is its children's; text that is cut off or dropped comes again, once it may pass. */
static void streams(int family)
{
    struct sockaddr_storage place;
    char text[64] = "";
    struct sock_filter all[] = {ALL};
    struct sock_filter bare[] = {BPF_STMT(BPF_RET | BPF_K, 1)};
    struct sock_filter some[] = {/* three bytes of text */
                                 BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 12), BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 2),
                                 BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 60), BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 3),
                                 BPF_STMT(BPF_RET | BPF_A, 0)};
    int listener = bound(family, SOCK_STREAM, &place), client = socket(family, SOCK_STREAM, 0);
    printf("listener: %s\n", name(attach(listener, bare, 1)));
    set(listener, SO_LOCK_FILTER, 1);
    listen(listener, 1);
    printf("connect: %s\n", name(connect(client, (struct sockaddr *)&place, sizeof place)));
    int child = accept(listener, NULL, NULL);
    printf("child is locked: %s\n", name(set(child, SO_DETACH_FILTER, 0)));
    send(client, "0123456789", 10, 0);
    printf("nothing passes: %d\n", readable(child, 50));
    close(child);
    close(client);
    close(listener);

    listener = bound(family, SOCK_STREAM, &place);
    listen(listener, 1);
    client = socket(family, SOCK_STREAM, 0);
    connect(client, (struct sockaddr *)&place, sizeof place);
    child = accept(listener, NULL, NULL);
    attach(child, some, COUNT(some));
    send(client, "abcdefgh", 8, 0);
    readable(child, 5000);
    printf("trimmed: %zd %s\n", recv(child, text, sizeof text, MSG_DONTWAIT), text);
    attach(child, all, 1);
    for (ssize_t got = 3; got < 8;) {
        readable(child, 5000);
        ssize_t more = recv(child, text + got, sizeof text - got, 0);
        if (more <= 0)
            break;
        got += more;
    }
    printf("all: %s\n", text);
    close(child);
    close(client);
    close(listener);
}

int main(void)
{
    checker();
    int families[] = {AF_INET, AF_INET6};
    for (unsigned at = 0; at < 2; at++) {
        options(families[at], SOCK_DGRAM);
        options(families[at], SOCK_STREAM);
        datagrams(families[at]);
        streams(families[at]);
    }
    return 0;
}

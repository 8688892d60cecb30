// admin
/* /dev/net/tun: interfaces whose other end is a file. In a network namespace of its own. */
#include "t.h"
#include <linux/if_tun.h>
#include <linux/if_packet.h>
#include <linux/if_arp.h>

/* The device, or a node of one's own where that one is not everybody's. */
static const char *TUN = "/dev/net/tun";
static pid_t maker;
static void forget_device(void) {
    if (getpid() == maker) unlink(TUN);
}
static void find_device(void) {
    struct stat s;
    if (stat(TUN, &s) || s.st_mode & 2) return;
    umask(0);
    TUN = "tun";
    if (mknod(TUN, S_IFCHR | 0666, s.st_rdev) || chmod(TUN, 0666)) perror("mknod");
    maker = getpid(), atexit(forget_device);
}

static int open_as(const char *name, int flags) {
    struct ifreq r = {.ifr_flags = flags};
    strncpy(r.ifr_name, name, 15);
    int fd = MUST(open(TUN, O_RDWR | O_NONBLOCK));
    errno = 0;
    long result = ioctl(fd, TUNSETIFF, &r);
    printf("%s %x: %ld %s %s %x\n", name, flags, result, result < 0 ? ename(errno) : "", r.ifr_name, (unsigned short)r.ifr_flags);
    return fd;
}
static void config(const char *name, const char *address, int up) {
    struct ifreq r = {0};
    strcpy(r.ifr_name, name);
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in *a = (void *)&r.ifr_addr;
    if (address) {
        a->sin_family = AF_INET, a->sin_addr.s_addr = inet_addr(address);
        SHOW(ioctl(s, SIOCSIFADDR, &r));
        a->sin_addr.s_addr = inet_addr("255.255.255.0");
        SHOW(ioctl(s, SIOCSIFNETMASK, &r));
    }
    SHOW(ioctl(s, SIOCGIFFLAGS, &r));
    r.ifr_flags = up ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP;
    SHOW(ioctl(s, SIOCSIFFLAGS, &r));
    SHOW(ioctl(s, SIOCGIFFLAGS, &r));
    printf("flags %x\n", (unsigned short)r.ifr_flags);
    SHOW(ioctl(s, SIOCGIFTXQLEN, &r)), printf("qlen %d\n", r.ifr_qlen);
    SHOW(ioctl(s, SIOCGIFMTU, &r)), printf("mtu %d\n", r.ifr_mtu);
    SHOW(ioctl(s, SIOCGIFHWADDR, &r)), printf("hardware %d\n", r.ifr_hwaddr.sa_family);
    close(s);
}
static unsigned short sum(const void *p, int n) {
    unsigned s = 0;
    for (int i = 0; i < n; i += 2) s += ((unsigned char *)p)[i] << 8 | (i + 1 < n ? ((unsigned char *)p)[i + 1] : 0);
    while (s >> 16) s = (s & 0xffff) + (s >> 16);
    return htons(~s);
}
/* An echo request from 10.9.0.2 to 10.9.0.1. */
static int echo(char *b) {
    memset(b, 0, 32);
    b[0] = 0x45, b[3] = 32, b[8] = 64, b[9] = 1;
    *(unsigned *)(b + 12) = inet_addr("10.9.0.2"), *(unsigned *)(b + 16) = inet_addr("10.9.0.1");
    *(unsigned short *)(b + 10) = sum(b, 20);
    b[20] = 8, b[25] = 7, b[27] = 1, b[28] = 'd';
    *(unsigned short *)(b + 22) = sum(b + 20, 12);
    return 32;
}
/* The next packet that is not of IPv6 and its own. */
static int next(int fd, char *b, int size, int at) {
    for (;;) {
        struct pollfd p = {fd, POLLIN, 0};
        if (poll(&p, 1, 5000) != 1) return -1;
        int n = read(fd, b, size);
        if (n <= at || (b[at] & 0xf0) != 0x60) return n;
    }
}
int main(void) {
    if (unshare(CLONE_NEWNET)) return 77;
    find_device();
    char b[3000], c[3000];
    int n, f = MUST(open(TUN, O_RDWR | O_NONBLOCK));
    unsigned features = 0;
    SHOW(ioctl(f, TUNGETFEATURES, &features)), printf("%x\n", features & 0x73f3);
    struct ifreq r = {0};
    struct pollfd p = {f, POLLIN | POLLOUT, 0};
    SHOW(read(f, b, 10)), SHOW(write(f, b, 10)), SHOW(ioctl(f, TUNGETIFF, &r)), SHOW(ioctl(f, TUNSETPERSIST, 1)), SHOW(ioctl(f, 0x1234, 1));
    SHOW(poll(&p, 1, 0)), printf("%x\n", p.revents);
    SHOW(ioctl(f, TUNSETIFF, 8)), SHOW(ioctl(f, TUNGETFEATURES, 8)), SHOW(lseek(f, 0, SEEK_SET)), SHOW(pread(f, b, 10, 0));
    close(f);
    close(open_as("", 0)), close(open_as("", IFF_TUN)), close(open_as("", IFF_TAP)), close(open_as("lo", IFF_TUN)), close(open_as("x%d", IFF_TUN | IFF_NO_PI));
    close(open_as("a/b", IFF_TUN)), close(open_as("t%d", IFF_TAP | IFF_TUN)), close(open_as("o", IFF_TUN | 0x2000));

    puts("== tun");
    int t = open_as("t0", IFF_TUN | IFF_NO_PI);
    SHOW(ioctl(t, TUNSETIFF, &r)), SHOW(ioctl(t, TUNGETIFF, &r)), printf("%s %x\n", r.ifr_name, (unsigned short)r.ifr_flags);
    close(open_as("t0", IFF_TUN | IFF_NO_PI)), close(open_as("t0", IFF_TAP)), close(open_as("t0", IFF_TUN | IFF_MULTI_QUEUE));
    n = echo(b);
    SHOW(write(t, b, n)), SHOW(write(t, b, 0)), SHOW(write(t, "", 1));
    p.fd = t, SHOW(poll(&p, 1, 0)), printf("%x\n", p.revents);
    config("t0", "10.9.0.1", 1);
    SHOW(poll(&p, 1, 0)), printf("%x\n", p.revents & POLLOUT);
    n = echo(b);
    SHOW(write(t, b, n));
    n = next(t, c, sizeof c, 0);
    printf("%d: %02x %02x proto %d icmp %d to %s\n", n, c[0], c[8], c[9], c[20], inet_ntoa(*(struct in_addr *)(c + 16)));
    SHOW(memcmp(b + 24, c + 24, 8));
    SHOW(write(t, b, n)), SHOW(next(t, c, 10, 0));
    SHOW(write(t, (char *)8, 20));
    int u = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in to = {AF_INET, htons(5000), {inet_addr("10.9.0.7")}}, from;
    SHOW(sendto(u, "hello", 5, 0, (void *)&to, sizeof to));
    n = next(t, c, sizeof c, 0);
    printf("%d: proto %d text %.5s check %d\n", n, c[9], c + 28, *(unsigned short *)(c + 26) != 0);
    /* and the answer */
    memcpy(b, c, n), memcpy(b + 12, c + 16, 4), memcpy(b + 16, c + 12, 4), memcpy(b + 20, c + 22, 2), memcpy(b + 22, c + 20, 2), memcpy(b + 28, "HELLO", 5);
    b[26] = b[27] = 0;
    SHOW(write(t, b, n));
    socklen_t size = sizeof from;
    struct pollfd up = {u, POLLIN, 0};
    SHOW(poll(&up, 1, 5000));
    n = recvfrom(u, c, 100, MSG_DONTWAIT, (void *)&from, &size);
    printf("%d %.5s %s\n", n, c, inet_ntoa(from.sin_addr));
    n = 5, SHOW(ioctl(t, TUNSETVNETHDRSZ, &n)), SHOW(ioctl(t, TUNGETVNETHDRSZ, &n)), printf("%d\n", n);
    n = 0, SHOW(ioctl(t, TUNSETSNDBUF, &n)), SHOW(ioctl(t, TUNGETSNDBUF, &n)), printf("%d\n", n);
    SHOW(ioctl(t, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4)), SHOW(ioctl(t, TUNSETOFFLOAD, TUN_F_TSO4)), SHOW(ioctl(t, TUNSETOFFLOAD, 0));
    SHOW(ioctl(t, TUNSETLINK, ARPHRD_ETHER)), SHOW(ioctl(t, TUNSETNOCSUM, 1)), SHOW(ioctl(t, 0x1234, 1));
    n = 0, SHOW(ioctl(t, TUNSETCARRIER, &n)); /* the flags follow later */
    n = 1, SHOW(ioctl(t, TUNSETCARRIER, &n));
    config("t0", NULL, 0);
    SHOW(write(t, b, 32));

    puts("== with protocol information");
    int q = open_as("t1", IFF_TUN);
    config("t1", "10.8.0.1", 1);
    to.sin_addr.s_addr = inet_addr("10.8.0.7");
    SHOW(sendto(u, "hello", 5, 0, (void *)&to, sizeof to));
    n = next(q, c, sizeof c, 4);
    printf("%d: %02x %02x %02x %02x\n", n, c[0], c[1], c[2], c[3]);
    SHOW(sendto(u, "hello", 5, 0, (void *)&to, sizeof to));
    n = next(q, c, 20, 4);
    printf("%d: %02x %02x %02x %02x\n", n, c[0], c[1], c[2], c[3]);
    SHOW(sendto(u, "hello", 5, 0, (void *)&to, sizeof to));
    SHOW(next(q, c, 3, 4));
    SHOW(write(q, "abc", 3)), SHOW(write(q, "abcd", 4)), SHOW(write(q, "\0\0\x12\x34zzzz", 8));

    puts("== persistent");
    int k = open_as("p0", IFF_TAP | IFF_NO_PI);
    SHOW(ioctl(k, TUNSETPERSIST, 1)), SHOW(ioctl(k, TUNSETOWNER, 1000)), SHOW(ioctl(k, TUNSETGROUP, 1000)), SHOW(ioctl(k, TUNGETIFF, &r)), printf("%x\n", (unsigned short)r.ifr_flags);
    SHOW(ioctl(k, SIOCGIFHWADDR, &r)), printf("%d\n", r.ifr_hwaddr.sa_family);
    r.ifr_hwaddr.sa_data[0] = 1, SHOW(ioctl(k, SIOCSIFHWADDR, &r));
    memcpy(r.ifr_hwaddr.sa_data, "\x02\0\0\0\0\7", 6), SHOW(ioctl(k, SIOCSIFHWADDR, &r));
    config("p0", NULL, 1);
    SHOW(write(k, b, 13));
    close(k);
    if (!fork()) {
        setgroups(0, NULL), setresgid(1001, 1001, 1001), setresuid(1000, 1000, 1000);
        open_as("p0", IFF_TAP), open_as("new", IFF_TAP), exit(0);
    }
    wait(NULL);
    if (!fork()) {
        setgroups(0, NULL), setresgid(1000, 1000, 1000), setresuid(1000, 1000, 1000);
        k = open_as("p0", IFF_TAP), SHOW(ioctl(k, TUNSETPERSIST, 0)), exit(0);
    }
    wait(NULL);
    SHOW(if_nametoindex("p0"));

    puts("== several queues");
    int m[3];
    for (int i = 0; i < 3; i++) m[i] = open_as("m0", IFF_TUN | IFF_NO_PI | IFF_MULTI_QUEUE);
    close(open_as("m0", IFF_TUN | IFF_NO_PI));
    config("m0", "10.7.0.1", 1);
    r.ifr_flags = IFF_DETACH_QUEUE, SHOW(ioctl(m[0], TUNSETQUEUE, &r)), SHOW(ioctl(m[0], TUNSETQUEUE, &r)), SHOW(ioctl(m[1], TUNSETQUEUE, &r));
    r.ifr_flags = 0, SHOW(ioctl(m[0], TUNSETQUEUE, &r));
    to.sin_addr.s_addr = inet_addr("10.7.0.7");
    SHOW(sendto(u, "hello", 5, 0, (void *)&to, sizeof to));
    n = next(m[2], c, sizeof c, 0);
    printf("%d: proto %d text %.5s\n", n, c[9], c + 28);
    r.ifr_flags = IFF_ATTACH_QUEUE, SHOW(ioctl(m[0], TUNSETQUEUE, &r)), SHOW(ioctl(m[0], TUNSETQUEUE, &r)), SHOW(ioctl(t, TUNSETQUEUE, &r));
    close(m[0]), close(m[1]);
    SHOW(if_nametoindex("m0") != 0);
    close(m[2]);
    SHOW(if_nametoindex("m0"));

    puts("== a virtio header");
    int v = open_as("v0", IFF_TUN | IFF_NO_PI | IFF_VNET_HDR);
    config("v0", "10.9.0.1", 1);
    memset(c, 0, 10), n = echo(c + 10), SHOW(write(v, c, 9)), SHOW(write(v, c, n + 10));
    n = next(v, c, sizeof c, 10);
    printf("%d: %d %d proto %d icmp %d\n", n, c[0], c[1], c[19], c[30]);
    n = 12, SHOW(ioctl(v, TUNSETVNETHDRSZ, &n)), memset(c, 0, 12), n = echo(c + 12), SHOW(write(v, c, n + 12));
    n = next(v, c, sizeof c, 12);
    printf("%d: %d %d proto %d icmp %d\n", n, c[0], c[1], c[21], c[32]);
    memset(c, 0, 12), c[0] = 1, c[6] = 100, n = echo(c + 12), SHOW(write(v, c, n + 12));
    memset(c, 0, 12), c[1] = 1, c[4] = 100, n = echo(c + 12), SHOW(write(v, c, n + 12));
    memset(c, 0, 12), c[2] = 100, n = echo(c + 12), SHOW(write(v, c, n + 12));
    SHOW(ioctl(v, TUNSETOFFLOAD, TUN_F_CSUM)), SHOW(sendto(u, "hello", 5, 0, (void *)&(struct sockaddr_in){AF_INET, htons(7), {inet_addr("10.9.0.7")}}, sizeof to));
    n = next(v, c, sizeof c, 12);
    printf("%d: flags %d kind %d start %d offset %d\n", n, c[0], c[1], *(short *)(c + 6), *(short *)(c + 8));
    int i = 60, x;
    close(open_as("v0", IFF_TUN | 0x8000));
    x = MUST(open(TUN, O_RDWR)), SHOW(ioctl(x, TUNSETIFINDEX, &i)), memset(&r, 0, sizeof r), strcpy(r.ifr_name, "i0"), r.ifr_flags = IFF_TUN, SHOW(ioctl(x, TUNSETIFF, &r)), SHOW(if_nametoindex("i0")), SHOW(ioctl(x, TUNSETIFINDEX, &i));
    return 0;
}

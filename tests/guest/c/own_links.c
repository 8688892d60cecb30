// admin
// Links that a network namespace's administrator makes: dummy ones, and bridges without ports.
#include "t.h"
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

static int seq;

static struct rtattr *attribute(struct nlmsghdr *n, int type, const void *data, int size) {
    struct rtattr *a = (void *)((char *)n + NLMSG_ALIGN(n->nlmsg_len));
    a->rta_type = type, a->rta_len = RTA_LENGTH(size);
    memcpy(RTA_DATA(a), data, size);
    n->nlmsg_len = NLMSG_ALIGN(n->nlmsg_len) + RTA_ALIGN(a->rta_len);
    return a;
}
static int talk(struct nlmsghdr *n) { // the error of the answer
    int s = MUST(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
    char buf[4096];
    n->nlmsg_seq = ++seq, n->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
    MUST(send(s, n, n->nlmsg_len, 0));
    MUST(recv(s, buf, sizeof buf, 0));
    close(s);
    return -((struct nlmsgerr *)NLMSG_DATA((struct nlmsghdr *)buf))->error;
}
static void result(const char *what, const char *name, int error) { printf("%s %s: %s\n", what, name, error ? ename(error) : "ok"); }
static void make(const char *kind, const char *name, int mtu, int up) {
    struct { struct nlmsghdr n; struct ifinfomsg i; char room[512]; } r = {{NLMSG_LENGTH(sizeof r.i), RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL}};
    r.i.ifi_flags = r.i.ifi_change = up ? IFF_UP : 0;
    if (*name) attribute(&r.n, IFLA_IFNAME, name, strlen(name) + 1);
    if (mtu) attribute(&r.n, IFLA_MTU, &mtu, 4);
    struct rtattr *info = attribute(&r.n, IFLA_LINKINFO, "", 0);
    attribute(&r.n, IFLA_INFO_KIND, kind, strlen(kind) + 1);
    info->rta_len = (char *)&r + r.n.nlmsg_len - (char *)info;
    result(kind, name, talk(&r.n));
}
static void delete(const char *name) {
    struct { struct nlmsghdr n; struct ifinfomsg i; char room[64]; } r = {{NLMSG_LENGTH(sizeof r.i), RTM_DELLINK}};
    attribute(&r.n, IFLA_IFNAME, name, strlen(name) + 1);
    result("delete", name, talk(&r.n));
}
static void bridge(const char *what, int cmd, const char *name) {
    char buf[16] = "";
    strncpy(buf, name, 15);
    int s = MUST(socket(AF_INET, SOCK_DGRAM, 0)), n = ioctl(s, cmd, buf);
    result(what, name, n ? errno : 0);
    close(s);
}
static void show(const char *name) {
    struct ifreq r = {0};
    strcpy(r.ifr_name, name);
    int s = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    if (ioctl(s, SIOCGIFFLAGS, &r)) {
        printf("%s %s\n", name, ename(errno));
    } else {
        printf("%s flags %x", name, r.ifr_flags & (IFF_UP | IFF_BROADCAST | IFF_LOOPBACK | IFF_NOARP)); // the carrier is looked at later
        MUST(ioctl(s, SIOCGIFMTU, &r)), printf(" mtu %d", r.ifr_mtu);
        MUST(ioctl(s, SIOCGIFHWADDR, &r)), printf(" type %d local %d\n", r.ifr_hwaddr.sa_family, r.ifr_hwaddr.sa_data[0] & 3);
    }
    close(s);
}
static void up(const char *name, int on) {
    struct ifreq r = {0};
    strcpy(r.ifr_name, name), r.ifr_flags = on ? IFF_UP : 0;
    int s = MUST(socket(AF_INET, SOCK_DGRAM, 0)), n = ioctl(s, SIOCSIFFLAGS, &r);
    result(on ? "up" : "down", name, n ? errno : 0);
    close(s);
}
static void address(const char *name, const char *text) {
    struct { struct nlmsghdr n; struct ifaddrmsg a; char room[64]; } r = {{NLMSG_LENGTH(sizeof r.a), RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL}};
    struct in_addr a;
    inet_aton(text, &a);
    r.a.ifa_family = AF_INET, r.a.ifa_prefixlen = 24, r.a.ifa_index = if_nametoindex(name);
    attribute(&r.n, IFA_LOCAL, &a, 4), attribute(&r.n, IFA_ADDRESS, &a, 4);
    result("address", name, talk(&r.n));
}
int main(void) {
    MUST(unshare(CLONE_NEWNET));
    bridge("addbr", 0x89a0, "foobar"), bridge("addbr", 0x89a0, "foobar"), bridge("addbr", 0x89a0, "a/b"), bridge("addbr", 0x89a0, "lo");
    show("foobar"), up("foobar", 1), show("foobar");
    bridge("delbr", 0x89a1, "foobar"), up("foobar", 0), bridge("delbr", 0x89a1, "foobar"), show("foobar");
    bridge("delbr", 0x89a1, "foobar"), bridge("delbr", 0x89a1, "lo"), bridge("addif", 0x89a2, "nobody");
    make("bridge", "br0", 0, 1), make("bridge", "br0", 0, 0), make("none", "x", 0, 0), show("br0");
    address("br0", "10.9.8.7"), address("br0", "10.9.8.7");
    int s = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(99), .sin_addr.s_addr = inet_addr("10.9.8.7")};
    VAL(bind(s, (void *)&a, sizeof a));
    make("bridge", "", 1400, 0), show("bridge0"), show("br0");
    delete("br0"), delete("br0"), delete("lo"), show("br0");
    VAL(if_nametoindex("bridge0") > 1);
    struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct d[2] = {{0}};
    MUST(syscall(SYS_capset, &h, d));
    bridge("addbr", 0x89a0, "more"), make("bridge", "more", 0, 0), delete("bridge0");
    return 0;
}

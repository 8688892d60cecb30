// admin
// Groups of NETLINK_ROUTE and NETLINK_KOBJECT_UEVENT: who is a member, what comes with a message, echoes, overruns.
#include "t.h"
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>

static int seq = 7;
static int netlink(int protocol) { return MUST(socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, protocol)); }
static int option(int s, int name, int value) { return setsockopt(s, SOL_NETLINK, name, &value, sizeof value); }
static void members(const char *what, int s) {
    unsigned bits[8] = {0};
    socklen_t size = sizeof bits;
    struct sockaddr_nl a;
    int n = getsockopt(s, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, bits, &size);
    printf("%s: %d, %x %x, ", what, n, bits[0], bits[1]);
    size = sizeof a;
    MUST(getsockname(s, (void *)&a, &size));
    printf("name %x\n", a.nl_groups);
}
static void attribute(struct nlmsghdr *n, int type, const void *data, int size) {
    struct rtattr *a = (void *)((char *)n + NLMSG_ALIGN(n->nlmsg_len));
    a->rta_type = type, a->rta_len = RTA_LENGTH(size);
    memcpy(RTA_DATA(a), data, size);
    n->nlmsg_len = NLMSG_ALIGN(n->nlmsg_len) + RTA_ALIGN(a->rta_len);
}
static void address(int s, int type, int last, int flags) {
    struct { struct nlmsghdr n; struct ifaddrmsg a; char room[64]; } r = {{NLMSG_LENGTH(sizeof r.a), type, NLM_F_REQUEST | flags}};
    unsigned char a[4] = {10, 1, last >> 8, last};
    r.n.nlmsg_seq = seq++, r.a.ifa_family = AF_INET, r.a.ifa_prefixlen = 32, r.a.ifa_index = 1;
    attribute(&r.n, IFA_LOCAL, a, 4), attribute(&r.n, IFA_ADDRESS, a, 4);
    MUST(send(s, &r, r.n.nlmsg_len, 0));
}
static int read_one(const char *what, int s, int mine) {
    char buf[8192], control[256];
    struct sockaddr_nl from;
    struct iovec v = {buf, sizeof buf};
    struct msghdr m = {&from, sizeof from, &v, 1, control, sizeof control};
    int n = recvmsg(s, &m, 0);
    if (n < 0) {
        printf("%s: %s\n", what, ename(errno));
        return -1;
    }
    struct nlmsghdr *h = (void *)buf;
    printf("%s: type %d flags %x seq %d, %s, from %u groups %x", what, h->nlmsg_type, h->nlmsg_flags, h->nlmsg_seq,
        h->nlmsg_pid == 0 ? "nobody's" : h->nlmsg_pid == mine ? "mine" : "other's", from.nl_pid, from.nl_groups);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
        printf(", packet info %d of %d", ((struct nl_pktinfo *)CMSG_DATA(c))->group, c->cmsg_type);
    printf(", one message %d\n", n == NLMSG_ALIGN(h->nlmsg_len));
    return h->nlmsg_type;
}
static void read_all(const char *what, int s, int mine) {
    while (read_one(what, s, mine) >= 0);
}
static void name(int s) {
    struct sockaddr_nl a = {AF_NETLINK};
    MUST(bind(s, (void *)&a, sizeof a));
}
static int port(int s) {
    struct sockaddr_nl a;
    socklen_t size = sizeof a;
    MUST(getsockname(s, (void *)&a, &size));
    return a.nl_pid;
}
static void membership(void) {
    int s = netlink(NETLINK_ROUTE);
    unsigned bits[8];
    socklen_t size = sizeof bits;
    MUST(getsockopt(s, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, bits, &size));
    printf("before: %d bytes\n", size);
    SHOW(option(s, NETLINK_ADD_MEMBERSHIP, 0)), SHOW(option(s, NETLINK_ADD_MEMBERSHIP, 1000)), SHOW(option(s, NETLINK_ADD_MEMBERSHIP, -1));
    SHOW(option(s, NETLINK_ADD_MEMBERSHIP, RTNLGRP_NSID)), SHOW(option(s, NETLINK_ADD_MEMBERSHIP, 34)), members("added", s);
    SHOW(option(s, NETLINK_ADD_MEMBERSHIP, 34)), SHOW(option(s, NETLINK_DROP_MEMBERSHIP, RTNLGRP_NSID)), members("dropped", s);
    struct sockaddr_nl a = {AF_NETLINK, 0, 0, 0x55};
    SHOW(bind(s, (void *)&a, sizeof a)), members("bound", s);
    a.nl_groups = 2, a.nl_pid = port(s);
    SHOW(bind(s, (void *)&a, sizeof a)), members("bound again", s);
    SHOW(option(s, NETLINK_DROP_MEMBERSHIP, 34)), SHOW(option(s, NETLINK_DROP_MEMBERSHIP, 1)), members("dropped", s);
    close(s);
    s = netlink(NETLINK_KOBJECT_UEVENT);
    SHOW(option(s, NETLINK_ADD_MEMBERSHIP, 1)), SHOW(option(s, NETLINK_ADD_MEMBERSHIP, 33)), members("events", s);
    close(s);
}
static void echoes(void) {
    int asker = netlink(NETLINK_ROUTE), member = netlink(NETLINK_ROUTE), packets = netlink(NETLINK_ROUTE);
    MUST(option(member, NETLINK_ADD_MEMBERSHIP, RTNLGRP_IPV4_IFADDR));
    MUST(option(packets, NETLINK_ADD_MEMBERSHIP, RTNLGRP_IPV4_IFADDR)), MUST(option(packets, NETLINK_PKTINFO, 1));
    MUST(option(packets, NETLINK_ADD_MEMBERSHIP, RTNLGRP_IPV4_ROUTE));
    address(asker, RTM_NEWADDR, 1, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
    read_all("without a name", member, port(asker)), address(asker, RTM_DELADDR, 1, NLM_F_ECHO), read_all("without a name", member, port(asker)), read_all("asker", asker, port(asker));
    name(member), name(packets); // leaves its groups
    MUST(option(member, NETLINK_ADD_MEMBERSHIP, RTNLGRP_IPV4_IFADDR)), MUST(option(packets, NETLINK_ADD_MEMBERSHIP, RTNLGRP_IPV4_IFADDR));
    MUST(option(packets, NETLINK_ADD_MEMBERSHIP, RTNLGRP_IPV4_ROUTE));
    address(asker, RTM_NEWADDR, 1, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
    int mine = port(asker);
    read_all("asker", asker, mine), read_all("member", member, mine), read_all("packets", packets, mine);
    address(asker, RTM_NEWADDR, 1, NLM_F_CREATE | NLM_F_EXCL);
    read_all("asker, again", asker, mine), read_all("member, again", member, mine);
    address(asker, RTM_DELADDR, 1, NLM_F_ECHO | NLM_F_ACK);
    read_all("asker, echo", asker, mine), read_all("member, echo", member, mine);
    MUST(option(asker, NETLINK_ADD_MEMBERSHIP, RTNLGRP_IPV4_IFADDR));
    address(asker, RTM_NEWADDR, 2, NLM_F_CREATE | NLM_F_ECHO | NLM_F_ACK);
    read_all("asker and member, echo", asker, mine);
    address(asker, RTM_DELADDR, 2, 0);
    read_all("asker and member", asker, mine);
    MUST(option(member, NETLINK_DROP_MEMBERSHIP, RTNLGRP_IPV4_IFADDR));
    read_all("member", member, mine);
    address(asker, RTM_NEWADDR, 3, NLM_F_CREATE);
    read_all("member no more", member, mine);
    close(asker), close(member), close(packets);
}
static void overrun(int quiet) {
    int s = netlink(NETLINK_ROUTE), asker = netlink(NETLINK_ROUTE), size = 4096, got = 0, error = 0;
    socklen_t length = sizeof error;
    MUST(setsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, sizeof size));
    name(s);
    MUST(option(s, NETLINK_ADD_MEMBERSHIP, RTNLGRP_IPV4_IFADDR));
    if (quiet) MUST(option(s, NETLINK_NO_ENOBUFS, 1));
    for (int i = 0; i < 200; i++) address(asker, RTM_NEWADDR, 1000 + 200 * quiet + i, NLM_F_CREATE);
    struct pollfd p = {s, POLLIN};
    MUST(poll(&p, 1, 0));
    printf("overrun: events %x\n", p.revents);
    char buf[8192];
    int n = recv(s, buf, sizeof buf, 0);
    printf("first: %s\n", n < 0 ? ename(errno) : "message");
    while (recv(s, buf, sizeof buf, 0) > 0) got++;
    printf("then: some %d, not all %d, %s\n", got > 0, got < 200, ename(errno));
    address(asker, RTM_NEWADDR, 2000 + quiet, NLM_F_CREATE);
    printf("after that: %s\n", recv(s, buf, sizeof buf, 0) < 0 ? ename(errno) : "message");
    for (int i = 0; i < 200; i++) address(asker, RTM_NEWADDR, 3000 + 200 * quiet + i, NLM_F_CREATE);
    MUST(getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &length));
    printf("error %d, then %s\n", error, recv(s, buf, sizeof buf, 0) < 0 ? ename(errno) : "message");
    close(s), close(asker);
}
static void events(void) {
    int s = netlink(NETLINK_KOBJECT_UEVENT);
    struct sockaddr_nl a = {AF_NETLINK, 0, 0, 1};
    MUST(bind(s, (void *)&a, sizeof a));
    system("ip link add va type veth peer name vb; ip link set va name vc; ip link add br0 type bridge; ip link del br0; ip link del vc");
    char buf[8192];
    for (int n; (n = recv(s, buf, sizeof buf - 1, 0)) > 0;) {
        buf[n] = 0;
        if (strstr(buf, "queues")) continue;
        for (char *c = buf; c < buf + n; c += strlen(c) + 1)
            if (strncmp(c, "SEQNUM", 6)) printf("%s ", c);
        printf("\n");
    }
    close(s);
}
int main(void) {
    MUST(unshare(CLONE_NEWNET));
    membership(), echoes(), overrun(0), overrun(1), events();
}

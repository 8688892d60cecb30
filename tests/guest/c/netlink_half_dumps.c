// admin
// One of the two flags of NLM_F_DUMP is enough for NETLINK_ROUTE and NETLINK_SOCK_DIAG, not for NETLINK_GENERIC; what changes
// something takes them for others, and is acknowledged.
#include "t.h"
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>

static void attribute(struct nlmsghdr *n, int type, const void *data, int size) {
    struct rtattr *a = (void *)((char *)n + NLMSG_ALIGN(n->nlmsg_len));
    a->rta_type = type, a->rta_len = RTA_LENGTH(size);
    memcpy(RTA_DATA(a), data, size);
    n->nlmsg_len = NLMSG_ALIGN(n->nlmsg_len) + RTA_ALIGN(a->rta_len);
}
static void ask(const char *what, int protocol, struct nlmsghdr *n) {
    static char buf[65536];
    int s = MUST(socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, protocol)), size;
    n->nlmsg_seq = 5;
    MUST(send(s, n, n->nlmsg_len, 0));
    int messages = 0, multi = 0;
    printf("%s %03x:", what, n->nlmsg_flags & ~1);
    while ((size = recv(s, buf, sizeof buf, 0)) >= 0)
        for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, size); h = NLMSG_NEXT(h, size)) {
            if (h->nlmsg_type == NLMSG_ERROR)
                printf(" error %d", -((struct nlmsgerr *)NLMSG_DATA(h))->error);
            else if (h->nlmsg_type == NLMSG_DONE)
                printf(" done");
            else
                messages++, multi += !!(h->nlmsg_flags & NLM_F_MULTI);
        }
    printf(" %s, %s\n", ename(errno), !messages ? "nothing" : multi ? "many" : "one");
    close(s);
}
int main(void) {
    MUST(unshare(CLONE_NEWNET));
    int halves[] = {NLM_F_ROOT, NLM_F_MATCH, NLM_F_DUMP, NLM_F_ROOT | NLM_F_ACK};
    int kinds[] = {RTM_GETLINK, RTM_GETADDR, RTM_GETNEIGH, RTM_GETRULE};
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (unsigned k = 0; k < 4; k++) {
            struct { struct nlmsghdr n; char body[32]; } r = {{NLMSG_LENGTH(i == 0 ? 16 : i == 1 ? 8 : 12), kinds[i], NLM_F_REQUEST | halves[k]}};
            char what[16];
            snprintf(what, sizeof what, "route %d", kinds[i]);
            ask(what, NETLINK_ROUTE, &r.n);
        }
    for (unsigned k = 0; k < 4; k++) {
        struct { struct nlmsghdr n; struct unix_diag_req d; } r = {{sizeof r, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | halves[k]}};
        r.d.sdiag_family = AF_UNIX, r.d.udiag_states = -1, r.d.udiag_show = UDIAG_SHOW_NAME;
        int p[2];
        MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
        ask("unix", NETLINK_SOCK_DIAG, &r.n);
        close(p[0]), close(p[1]);
        struct { struct nlmsghdr n; struct genlmsghdr g; char room[32]; } g = {{NLMSG_LENGTH(sizeof g.g), GENL_ID_CTRL, NLM_F_REQUEST | halves[k]}};
        g.g.cmd = CTRL_CMD_GETFAMILY;
        attribute(&g.n, CTRL_ATTR_FAMILY_NAME, "nlctrl", 7);
        ask("generic", NETLINK_GENERIC, &g.n);
    }
    for (int k = 0; k < 3; k++) {
        struct { struct nlmsghdr n; struct ifaddrmsg a; char room[64]; } r = {{NLMSG_LENGTH(sizeof r.a), k == 1 ? RTM_DELADDR : RTM_NEWADDR, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE | (k ? 0 : NLM_F_EXCL)}};
        unsigned char a[4] = {10, 9, 8, 7};
        r.a.ifa_family = AF_INET, r.a.ifa_prefixlen = 32, r.a.ifa_index = 1;
        attribute(&r.n, IFA_LOCAL, a, 4), attribute(&r.n, IFA_ADDRESS, a, 4);
        ask("address", NETLINK_ROUTE, &r.n);
    }
    return 0;
}

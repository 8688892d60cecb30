// admin
#include "t.h"
#include <linux/nsfs.h>
#include <linux/rtnetlink.h>
#include <sys/mount.h>

static int up[2], down[2];

static void tell(int *pipe_) { MUST(write(pipe_[1], "x", 1)); }
static void hear(int *pipe_) {
    char c;
    if (read(pipe_[0], &c, 1) != 1) _exit(98);
}
static void end(const char *name, pid_t pid) {
    int status;
    VAL(waitpid(pid, &status, 0) == pid);
    WIFEXITED(status) ? printf("%s exited %d\n", name, WEXITSTATUS(status)) : printf("%s killed by %d\n", name, WTERMSIG(status));
}
static struct sockaddr_in local(int port) {
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}
static void flags(const char *when) {
    struct ifreq r = {.ifr_name = "lo"};
    int s = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    MUST(ioctl(s, SIOCGIFFLAGS, &r)), printf("%s up %d", when, !!(r.ifr_flags & IFF_UP));
    printf(" address %s\n", ioctl(s, SIOCGIFADDR, &r) ? ename(errno) : inet_ntoa(((struct sockaddr_in *)&r.ifr_addr)->sin_addr));
    close(s);
}
static int raise_lo(int on) {
    struct ifreq r = {.ifr_name = "lo", .ifr_flags = on ? IFF_UP : 0};
    int s = MUST(socket(AF_INET, SOCK_DGRAM, 0)), n = ioctl(s, SIOCSIFFLAGS, &r), e = errno;
    close(s);
    errno = e;
    return n;
}
static int listening(int port) {
    struct sockaddr_in a = local(port);
    int s = MUST(socket(AF_INET, SOCK_STREAM, 0)), on = 1;
    MUST(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
    if (bind(s, (void *)&a, sizeof a) || listen(s, 5)) return -1;
    return s;
}
static int talk(int port) {
    struct sockaddr_in a = local(port);
    int s = MUST(socket(AF_INET, SOCK_STREAM, 0)), n = connect(s, (void *)&a, sizeof a), e = errno;
    if (n) close(s);
    errno = e;
    return n ? -1 : s;
}
static int count(const char *table) {
    char line[512];
    int n = -1;
    FILE *f = fopen(table, "r");
    while (f && fgets(line, sizeof line, f)) n++;
    if (f) fclose(f);
    return n;
}
static void devices(void) {
    char line[512], name[32];
    FILE *f = fopen("/proc/self/net/dev", "r");
    while (fgets(line, sizeof line, f))
        if (sscanf(line, " %31[a-z0-9]:", name) == 1 && strchr(line, ':')) printf("device %s\n", name);
    fclose(f);
    for (struct if_nameindex *all = if_nameindex(), *i = all; i && i->if_index; i++) printf("link %u %s\n", i->if_index, i->if_name);
}
static int abstract(int type, const char *name, int bind_it) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strcpy(a.sun_path + 1, name);
    int s = MUST(socket(AF_UNIX, type, 0)), length = 3 + strlen(name);
    int n = bind_it ? bind(s, (void *)&a, length) || listen(s, 1) : connect(s, (void *)&a, length), e = errno;
    if (n) close(s), errno = e;
    return n ? -1 : s;
}
/* RTM_NEWLINK of a kind that there is not: the errno of the answer. */
static int make_link(void) {
    struct {
        struct nlmsghdr h;
        struct ifinfomsg i;
        char rest[64];
    } q = {{.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)), .nlmsg_type = RTM_NEWLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE}};
    struct rtattr *info = (void *)q.rest, *kind = RTA_DATA(info);
    kind->rta_type = 1, kind->rta_len = RTA_LENGTH(8), strcpy(RTA_DATA(kind), "nothing");
    info->rta_type = IFLA_LINKINFO, info->rta_len = RTA_LENGTH(kind->rta_len);
    q.h.nlmsg_len += RTA_ALIGN(info->rta_len);
    char answer[1024];
    int s = MUST(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
    MUST(send(s, &q, q.h.nlmsg_len, 0)), MUST(recv(s, answer, sizeof answer, 0));
    int e = ((struct nlmsgerr *)NLMSG_DATA((struct nlmsghdr *)answer))->error;
    close(s);
    errno = -e;
    return e ? -1 : 0;
}

static int inside(void) {
    char a[64] = "", b[64] = "";
    MUST(readlink("/proc/self/ns/net", a, 63));
    int early = MUST(socket(AF_INET, SOCK_STREAM, 0)), own = MUST(open("/proc/self/ns/net", O_RDONLY));
    int taken = MUST(listening(40404));
    SHOW(abstract(SOCK_STREAM, "here", 1) >= 0);
    SHOW(unshare(CLONE_NEWNET));
    MUST(readlink("/proc/self/ns/net", b, 63)), VAL(strcmp(a, b) != 0);
    flags("new"), devices();
    VAL(count("/proc/self/net/tcp")), VAL(count("/proc/net/if_inet6"));
    SHOW(talk(40404)), SHOW(listening(40404) >= 0 ? 0 : -1);
    SHOW(abstract(SOCK_STREAM, "here", 0)), SHOW(abstract(SOCK_STREAM, "here", 1) >= 0);
    SHOW(raise_lo(1)), flags("up"), VAL(count("/proc/self/net/if_inet6") + 1);
    SHOW(talk(40405));
    int server = listening(40406), client = talk(40406), peer = accept(server, NULL, NULL);
    VAL(client >= 0), VAL(peer >= 0), SHOW(write(client, "hello", 5));
    char text[8] = "";
    VAL(recv(peer, text, 5, MSG_WAITALL)), STR(text);
    VAL(count("/proc/self/net/tcp"));
    /* a socket stays where it was made */
    struct sockaddr_in to = local(40404);
    SHOW(connect(early, (void *)&to, sizeof to)), VAL(accept(taken, NULL, NULL) >= 0);
    int inner = MUST(open("/proc/self/ns/net", O_RDONLY));
    VAL(ioctl(inner, NS_GET_NSTYPE) == CLONE_NEWNET), SHOW(ioctl(inner, NS_GET_PARENT)), SHOW(make_link());
    SHOW(setns(own, CLONE_NEWNET)), SHOW(write(client, "again", 5)), VAL(recv(peer, text, 5, MSG_WAITALL)), STR(text);
    SHOW(close(talk(40404))), SHOW(talk(40406));
    SHOW(setns(inner, CLONE_NEWUTS)), SHOW(setns(inner, 0)), SHOW(close(talk(40406)));
    SHOW(raise_lo(0)), flags("down");
    close(inner);
    return 0;
}

/* An ordinary user's: it is theirs, and the one before is not */
static int plain(void) {
    setresgid(1000, 1000, 1000), setresuid(1000, 1000, 1000), prctl(PR_SET_DUMPABLE, 1);
    SHOW(unshare(CLONE_NEWNET)), SHOW(raise_lo(0)), SHOW(socket(AF_INET, SOCK_RAW, 1)), SHOW(listening(80));
    SHOW(unshare(CLONE_NEWUSER)), SHOW(raise_lo(0)), SHOW(socket(AF_INET, SOCK_RAW, 1)), SHOW(listening(80)), SHOW(make_link());
    SHOW(unshare(CLONE_NEWNET)), SHOW(raise_lo(1));
    SHOW(socket(AF_INET, SOCK_RAW, 1) >= 0), SHOW(listening(80) >= 0), SHOW(close(talk(80)));
    int s = socket(AF_INET, SOCK_DGRAM, 0), mark = 5;
    SHOW(setsockopt(s, SOL_SOCKET, SO_MARK, &mark, sizeof mark)), SHOW(setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &mark, sizeof mark));
    SHOW(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
    return 0;
}

int main(void) {
    MUST(pipe(up)), MUST(pipe(down));
    pid_t child = syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0);
    if (!child) {
        raise_lo(1);
        _exit(inside());
    }
    end("inside", child);
    child = fork();
    if (!child) _exit(plain());
    end("plain", child);
    /* many come and go */
    for (int i = 0; i < 60; i++) {
        child = syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0);
        if (!child) {
            if (raise_lo(1)) _exit(1);
            int server = listening(4000), client = talk(4000);
            _exit(client < 0 || write(client, "x", 1) != 1);
        }
        int status = -1;
        waitpid(child, &status, 0);
        if (status) printf("%d: %x\n", i, status);
    }
    return 0;
}

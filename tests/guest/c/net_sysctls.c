// admin
// What /proc/sys/net sets, in a network namespace of its own, is what new sockets go by.
#include "t.h"
#include <netinet/tcp.h>
#include <sys/mount.h>

static void show(const char *name) {
    char path[128], text[256];
    snprintf(path, sizeof path, "/proc/sys/net/%s", name);
    int fd = MUST(open(path, O_RDONLY)), n = MUST(read(fd, text, sizeof text - 1));
    close(fd);
    text[n] = 0;
    printf("%s: %s", name, text);
}
static void set(const char *name, const char *value) {
    char path[128];
    snprintf(path, sizeof path, "/proc/sys/net/%s", name);
    int fd = MUST(open(path, O_WRONLY));
    int n = write(fd, value, strlen(value));
    printf("%s <- %s: %s\n", name, value, n < 0 ? ename(errno) : "ok");
    close(fd);
    show(name);
}
static struct sockaddr_in local(int port) {
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}
static int port_of(int s) {
    struct sockaddr_in a;
    socklen_t size = sizeof a;
    MUST(getsockname(s, (void *)&a, &size));
    return ntohs(a.sin_port);
}
static void given(const char *what, int kind, int by_connect) { // which ports are given out, and how many there are
    int found[16] = {0}, others = 0, n = 0, s[32];
    struct sockaddr_in a = local(by_connect ? 9 : 0);
    for (; n < (by_connect ? 3 : 32); n++) {
        s[n] = MUST(socket(AF_INET, kind, 0));
        if (by_connect ? connect(s[n], (void *)&a, sizeof a) && errno != ECONNREFUSED : bind(s[n], (void *)&a, sizeof a)) {
            printf("%s: %d then %s\n", what, n, ename(errno));
            break;
        }
        int port = port_of(s[n]);
        port >= 40000 && port < 40016 ? (void)found[port - 40000]++ : (void)others++;
    }
    printf("%s:", what);
    for (int i = 0; i < 16; i++)
        if (found[i]) printf(" %d", 40000 + i);
    printf(", others %d\n", others);
    for (int i = 0; i <= n && i < 32; i++) close(s[i]);
}
static void option(const char *name, int which) {
    int s = MUST(socket(AF_INET, SOCK_STREAM, 0)), value = -1;
    socklen_t size = sizeof value;
    MUST(getsockopt(s, IPPROTO_TCP, which, &value, &size));
    printf("%s %d\n", name, value);
    close(s);
}
int main(void) {
    MUST(unshare(CLONE_NEWNET));
    struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int s = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    MUST(ioctl(s, SIOCSIFFLAGS, &r));
    show("ipv4/ip_local_port_range"), show("ipv4/ip_local_reserved_ports"), show("ipv4/tcp_syncookies");
    set("ipv4/ip_local_port_range", "40000 40009");
    set("ipv4/ip_local_port_range", "40000 39999");
    set("ipv4/ip_local_port_range", "80 39999");
    set("ipv4/ip_local_port_range", "40000 70000");
    given("udp bind", SOCK_DGRAM, 0);
    set("ipv4/ip_local_reserved_ports", "40001,40003-40008");
    set("ipv4/ip_local_reserved_ports", "5-4");
    set("ipv4/ip_local_reserved_ports", "x");
    given("udp bind", SOCK_DGRAM, 0), given("tcp bind", SOCK_STREAM, 0), given("udp connect", SOCK_DGRAM, 1);
    struct sockaddr_in a = local(40004);
    int t = MUST(socket(AF_INET, SOCK_STREAM, 0));
    printf("by number %d\n", bind(t, (void *)&a, sizeof a));
    set("ipv4/ip_local_reserved_ports", "\n");
    set("ipv4/ip_unprivileged_port_start", "80");
    set("ipv4/ip_unprivileged_port_start", "50000");
    set("ipv4/tcp_keepalive_time", "600"), set("ipv4/tcp_keepalive_intvl", "20"), set("ipv4/tcp_keepalive_probes", "4");
    set("ipv4/tcp_keepalive_probes", "256"), set("ipv4/tcp_keepalive_time", "abc");
    option("idle", TCP_KEEPIDLE), option("interval", TCP_KEEPINTVL), option("count", TCP_KEEPCNT);
    set("ipv4/tcp_fin_timeout", "30"), option("linger", TCP_LINGER2);
    set("ipv4/tcp_syn_retries", "3"), set("ipv4/tcp_syn_retries", "0"), option("syncnt", TCP_SYNCNT);
    set("ipv4/tcp_syncookies", "0"), set("ipv4/tcp_syncookies", "2"), set("ipv4/tcp_tw_reuse", "1");
    set("ipv4/tcp_tw_reuse", "3"), set("core/somaxconn", "16"), set("core/somaxconn", "-1");
    set("ipv4/tcp_rmem", "4096 100000 200000"), set("ipv4/tcp_wmem", "0 1 2");
    show("ipv4/tcp_mtu_probing"), show("ipv4/tcp_base_mss"), show("ipv4/tcp_probe_threshold"), show("ipv4/tcp_probe_interval");
    show("ipv4/tcp_mtu_probe_floor"), set("ipv4/tcp_mtu_probing", "2"), set("ipv4/tcp_mtu_probing", "256");
    set("ipv4/tcp_base_mss", "512"), set("ipv4/tcp_probe_interval", "60"), set("ipv4/tcp_probe_threshold", "20");
    show("ipv4/icmp_ratelimit"), show("ipv4/icmp_ratemask"), show("ipv6/icmp/ratelimit"), show("ipv6/icmp/ratemask");
    set("ipv4/icmp_ratelimit", "0"), set("ipv4/icmp_ratelimit", "1500"), set("ipv4/icmp_ratelimit", "-1");
    set("ipv4/icmp_ratemask", "-1"), set("ipv4/icmp_ratemask", "2147483648"), set("ipv6/icmp/ratelimit", "x");
    set("ipv6/icmp/ratemask", "1-4,7,200"), set("ipv6/icmp/ratemask", "256"), set("ipv6/icmp/ratemask", "5-2");
    set("ipv4/conf/all/forwarding", "0"); // a new namespace has the host's
    for (int six = 0; six < 2; six++) {
        const char *names[] = {"conf/lo/forwarding", "conf/default/forwarding", "conf/all/forwarding"};
        char path[64];
        for (int i = 0; i < 3; i++)
            for (int on = 0; on < 3; on++) {
                snprintf(path, sizeof path, "ipv%d/%s", six ? 6 : 4, names[(i + on) % 3]);
                set(path, on == 2 ? "0" : on ? "5" : "1");
                for (int j = 0; j < 3; j++) snprintf(path, sizeof path, "ipv%d/%s", six ? 6 : 4, names[j]), show(path);
                show("ipv4/ip_forward");
            }
    }
    set("ipv4/ip_forward", "x");
    int value = 0;
    socklen_t size = sizeof value;
    s = MUST(socket(AF_INET, SOCK_STREAM, 0));
    MUST(getsockopt(s, SOL_SOCKET, SO_RCVBUF, &value, &size)), printf("rcvbuf %d\n", value);
    return 0;
}

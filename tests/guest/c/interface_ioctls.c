// admin
/* The ioctls that change interfaces and routes, with a TAP device, in a network namespace of its own. */
#include "t.h"
#include <linux/if_tun.h>
#include <linux/if_arp.h>
#include <net/route.h>

static int s;
static struct ifreq r;
static struct ifreq *name(const char *n) { memset(&r, 0, sizeof r), strcpy(r.ifr_name, n); return &r; }
static struct ifreq *with(const char *n, const char *address) {
    struct sockaddr_in *a = (void *)&name(n)->ifr_addr;
    a->sin_family = AF_INET, a->sin_addr.s_addr = inet_addr(address);
    return &r;
}
static const char *got(int call, const char *n) {
    static char text[4][60];
    static int turn;
    char *out = text[turn++ & 3];
    if (ioctl(s, call, name(n))) return strcpy(out, ename(errno));
    return strcpy(out, inet_ntoa(((struct sockaddr_in *)&r.ifr_addr)->sin_addr));
}
static void state(const char *n) { printf("%s: %s mask %s broadcast %s\n", n, got(SIOCGIFADDR, n), got(SIOCGIFNETMASK, n), got(SIOCGIFBRDADDR, n)); }
static struct sockaddr in(const char *address) {
    struct sockaddr_in a = {AF_INET, 0, {inet_addr(address)}};
    return *(struct sockaddr *)&a;
}
static void route(int call, const char *to, const char *mask, const char *way, int flags, char *device, int metric) {
    struct rtentry e = {.rt_dst = in(to), .rt_genmask = in(mask), .rt_flags = flags, .rt_dev = device, .rt_metric = metric};
    if (way) e.rt_gateway = in(way);
    errno = 0;
    int result = ioctl(s, call, &e);
    printf("%s %s/%s by %s %x %d: %d %s\n", call == SIOCADDRT ? "add" : "delete", to, mask, way ? way : "-", flags, metric, result, result ? ename(errno) : "");
}
static void routes(void) {
    char line[400];
    FILE *f = fopen("/proc/self/net/route", "r");
    fgets(line, sizeof line, f);
    while (fgets(line, sizeof line, f)) {
        char device[20], to[20], way[20], mask[20];
        int flags, a, b, metric;
        sscanf(line, "%s %s %s %x %d %d %d %s", device, to, way, &flags, &a, &b, &metric, mask);
        printf("  %s %s by %s %x %d mask %s\n", device, to, way, flags, metric, mask);
    }
    fclose(f);
}
int main(void) {
    if (unshare(CLONE_NEWNET)) return 77;
    s = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    int f = MUST(open("/dev/net/tun", O_RDWR)), x = MUST(socket(AF_UNIX, SOCK_DGRAM, 0));
    name("d0")->ifr_flags = IFF_TAP | IFF_NO_PI;
    SHOW(ioctl(f, TUNSETIFF, &r));
    state("d0");
    SHOW(ioctl(s, SIOCSIFNETMASK, with("d0", "255.255.255.0"))), SHOW(ioctl(s, SIOCSIFADDR, with("none", "10.0.0.1"))), SHOW(ioctl(s, SIOCSIFADDR, name("d0")));
    SHOW(ioctl(s, SIOCSIFADDR, with("d0", "224.0.0.1"))), SHOW(ioctl(s, SIOCSIFADDR, 8));
    for (int i = 0; i < 4; i++) {
        SHOW(ioctl(s, SIOCSIFADDR, with("d0", ((const char *[]){"10.1.2.3", "172.20.1.1", "192.168.3.4", "192.168.3.4"})[i])));
        state("d0");
    }
    SHOW(ioctl(s, SIOCSIFNETMASK, with("d0", "255.0.255.0"))), SHOW(ioctl(s, SIOCSIFNETMASK, with("d0", "255.255.0.0"))), state("d0");
    SHOW(ioctl(s, SIOCSIFBRDADDR, with("d0", "192.168.77.255"))), state("d0");
    SHOW(ioctl(s, SIOCSIFADDR, with("d0:1", "10.5.5.5"))), state("d0:1"), state("d0");
    SHOW(ioctl(x, SIOCSIFNETMASK, with("d0:1", "255.255.255.0"))), state("d0:1");
    name("d0")->ifr_mtu = 1400, SHOW(ioctl(s, SIOCSIFMTU, &r)), SHOW(ioctl(s, SIOCGIFMTU, name("d0"))), printf("%d\n", r.ifr_mtu);
    name("d0")->ifr_mtu = 10, SHOW(ioctl(s, SIOCSIFMTU, &r)), name("d0")->ifr_mtu = -10, SHOW(ioctl(s, SIOCSIFMTU, &r));
    name("d0")->ifr_qlen = 77, SHOW(ioctl(s, SIOCSIFTXQLEN, &r)), SHOW(ioctl(s, SIOCGIFTXQLEN, name("d0"))), printf("%d\n", r.ifr_qlen);
    name("d0")->ifr_qlen = -1, SHOW(ioctl(s, SIOCSIFTXQLEN, &r));
    name("d0")->ifr_hwaddr.sa_family = ARPHRD_NONE, SHOW(ioctl(s, SIOCSIFHWADDR, &r));
    name("d0")->ifr_hwaddr = (struct sockaddr){ARPHRD_ETHER, "\2\0\0\0\0\5"}, SHOW(ioctl(s, SIOCSIFHWADDR, &r));
    SHOW(ioctl(s, SIOCGIFHWADDR, name("d0"))), printf("%d %d\n", r.ifr_hwaddr.sa_data[0], r.ifr_hwaddr.sa_data[5]);
    strcpy(name("d0")->ifr_newname, "e0"), SHOW(ioctl(s, SIOCSIFNAME, &r)), strcpy(name("e0")->ifr_newname, "lo"), SHOW(ioctl(s, SIOCSIFNAME, &r));
    strcpy(name("e0")->ifr_newname, "a/b"), SHOW(ioctl(s, SIOCSIFNAME, &r)), strcpy(name("e0")->ifr_newname, "d0"), SHOW(ioctl(s, SIOCSIFNAME, &r));
    puts("== routes");
    route(SIOCADDRT, "10.77.0.0", "255.255.0.0", "10.5.5.9", RTF_UP | RTF_GATEWAY, NULL, 0);
    SHOW(ioctl(s, SIOCGIFFLAGS, name("d0"))), r.ifr_flags |= IFF_UP, SHOW(ioctl(s, SIOCSIFFLAGS, &r)), routes();
    route(SIOCADDRT, "10.77.0.0", "255.255.0.0", "10.5.5.9", RTF_UP | RTF_GATEWAY, NULL, 0);
    route(SIOCADDRT, "10.77.0.0", "255.255.0.0", "10.5.5.9", RTF_UP | RTF_GATEWAY, NULL, 0);
    route(SIOCADDRT, "10.77.0.0", "255.255.0.0", "10.5.5.9", RTF_UP | RTF_GATEWAY, NULL, 5);
    route(SIOCADDRT, "0.0.0.0", "0.0.0.0", "10.5.5.8", RTF_UP | RTF_GATEWAY, NULL, 0);
    route(SIOCADDRT, "10.88.0.1", "0.0.0.0", NULL, RTF_UP | RTF_HOST, "d0", 0);
    route(SIOCADDRT, "10.88.0.1", "255.255.0.0", NULL, RTF_UP, "d0", 0);
    route(SIOCADDRT, "10.99.0.0", "255.0.255.0", NULL, RTF_UP, "d0", 0);
    route(SIOCADDRT, "10.99.0.0", "255.255.0.0", NULL, RTF_UP, "none", 0);
    route(SIOCADDRT, "10.99.0.0", "255.255.0.0", NULL, RTF_UP, NULL, 0);
    route(SIOCADDRT, "10.99.0.0", "255.255.0.0", NULL, RTF_UP | RTF_GATEWAY, NULL, 0);
    route(SIOCADDRT, "10.99.0.0", "255.255.0.0", "33.4.5.6", RTF_UP | RTF_GATEWAY, NULL, 0);
    route(SIOCADDRT, "10.66.0.0", "255.255.0.0", NULL, RTF_UP | RTF_REJECT, NULL, 0);
    routes();
    route(SIOCDELRT, "10.77.0.0", "255.255.0.0", NULL, 0, NULL, 0), route(SIOCDELRT, "10.77.0.0", "255.255.0.0", NULL, 0, NULL, 0), route(SIOCDELRT, "10.77.0.0", "255.255.0.0", NULL, 0, NULL, 0);
    route(SIOCDELRT, "0.0.0.0", "0.0.0.0", NULL, 0, NULL, 0), route(SIOCDELRT, "10.88.0.1", "0.0.0.0", NULL, RTF_HOST, NULL, 0), route(SIOCDELRT, "10.66.0.0", "255.255.0.0", NULL, RTF_REJECT, NULL, 0);
    routes();
    SHOW(ioctl(x, SIOCADDRT, 8)), SHOW(ioctl(s, SIOCADDRT, 8));
    SHOW(ioctl(s, SIOCSIFADDR, with("d0", "0.0.0.0"))), state("d0"), state("d0:1");
    SHOW(ioctl(s, SIOCSIFADDR, with("lo", "127.0.0.5"))), SHOW(ioctl(s, SIOCGIFFLAGS, name("lo"))), r.ifr_flags |= IFF_UP, SHOW(ioctl(s, SIOCSIFFLAGS, &r)), state("lo");
    int s6 = socket(AF_INET6, SOCK_DGRAM, 0);
    struct { struct in6_addr addr; unsigned length; int index; } six = {.length = 64, .index = if_nametoindex("d0")};
    inet_pton(AF_INET6, "fd00::5", &six.addr);
    SHOW(ioctl(s6, SIOCSIFADDR, &six)), SHOW(ioctl(s6, SIOCSIFADDR, &six)), six.length = 65, SHOW(ioctl(s6, SIOCDIFADDR, &six)), six.length = 64, SHOW(ioctl(s6, SIOCDIFADDR, &six));
    six.length = 129, SHOW(ioctl(s6, SIOCSIFADDR, &six)), six.length = 64, six.index = 99, SHOW(ioctl(s6, SIOCSIFADDR, &six)), SHOW(ioctl(s6, SIOCSIFADDR, 8)), SHOW(ioctl(s6, SIOCGIFADDR, name("d0")));
    if (!fork()) {
        setresuid(1000, 1000, 1000);
        SHOW(ioctl(s, SIOCSIFADDR, with("d0", "10.0.0.1"))), SHOW(ioctl(s, SIOCSIFADDR, with("none", "10.0.0.1"))), SHOW(ioctl(s, SIOCSIFMTU, name("d0"))), SHOW(ioctl(s, SIOCSIFNAME, name("none")));
        route(SIOCADDRT, "10.99.0.0", "255.255.0.0", NULL, RTF_UP, "d0", 0), exit(0);
    }
    wait(NULL);
    return 0;
}

// admin
/* SIOCADDRT and SIOCDELRT of an AF_INET6 socket, in a network namespace of its own. */
#include "t.h"
#include <linux/if_tun.h>
#include <net/route.h>


static int s;

static int by_text(const void *a, const void *b) {
    return strcmp(a, b);
}

/* In order; without those of the kernel's own. */
static void routes(void) {
    static char found[64][160];
    char line[400];
    int n = 0;
    FILE *f = fopen("/proc/self/net/ipv6_route", "r");
    while (fgets(line, sizeof line, f) && n < 64) {
        char to[40], from[40], way[40], device[20];
        unsigned int len, slen, metric, refs, use, flags;
        sscanf(line, "%s %x %s %x %s %x %x %x %x %s", to, &len, from, &slen, way, &metric, &refs, &use, &flags, device);
        if (metric && strncmp(to, "fe80", 4) && strncmp(to, "ff", 2) && strcmp(device, "lo"))
            sprintf(found[n++], "  %s/%d by %s %d %x %s\n", to, len, way, metric, flags & 0x203, device);
    }
    fclose(f);
    qsort(found, n, sizeof found[0], by_text);
    for (int i = 0; i < n; i++) printf("%s", found[i]);
}

static void route(int call, const char *to, int len, const char *way, int flags, int index, int metric) {
    struct in6_rtmsg e = {.rtmsg_dst_len = len, .rtmsg_flags = flags, .rtmsg_ifindex = index, .rtmsg_metric = metric};
    inet_pton(AF_INET6, to, &e.rtmsg_dst);
    if (way) inet_pton(AF_INET6, way, &e.rtmsg_gateway);
    errno = 0;
    int result = ioctl(s, call, &e);
    printf("%s %s/%d by %s %x if %d metric %d: %s\n", call == SIOCADDRT ? "add" : "delete", to, len, way ? way : "-", flags, index != 0, metric,
           result ? ename(errno) : "ok");
}

int main(void) {
    if (unshare(CLONE_NEWNET)) return 77;
    struct ifreq r = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    s = MUST(socket(AF_INET6, SOCK_DGRAM, 0));
    int f = MUST(open("/dev/net/tun", O_RDWR)), v = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    strcpy(r.ifr_name, "d0");
    MUST(ioctl(f, TUNSETIFF, &r));
    MUST(ioctl(v, SIOCGIFINDEX, &r));
    int d = r.ifr_ifindex;
    struct { struct in6_addr a; unsigned len; int index; } own = {.len = 64, .index = d};
    inet_pton(AF_INET6, "2001:db8::1", &own.a);
    MUST(ioctl(s, SIOCSIFADDR, &own));
    route(SIOCADDRT, "2001:db8:1::", 48, NULL, RTF_UP, d, 0);
    r.ifr_flags = IFF_UP;
    MUST(ioctl(v, SIOCSIFFLAGS, &r));
    routes();
    route(SIOCADDRT, "2001:db8:1::", 48, NULL, RTF_UP, d, 0);
    route(SIOCADDRT, "2001:db8:1::", 48, NULL, RTF_UP, d, 0);
    route(SIOCADDRT, "2001:db8:1::", 48, NULL, RTF_UP, d, 7);
    route(SIOCADDRT, "2001:db8:2::", 48, "2001:db8::9", RTF_UP | RTF_GATEWAY, d, 0);
    route(SIOCADDRT, "2001:db8:3::", 48, "2001:db8::9", RTF_UP | RTF_GATEWAY, 0, 5);
    route(SIOCADDRT, "2001:db8:4::", 48, "2001:db9::9", RTF_UP | RTF_GATEWAY, 0, 5);
    route(SIOCADDRT, "2001:db8:4::", 48, "2001:db8::1", RTF_UP | RTF_GATEWAY, 0, 5);
    route(SIOCADDRT, "2001:db8:5::7", 128, NULL, RTF_UP | RTF_HOST, d, 0);
    route(SIOCADDRT, "::", 0, "2001:db8::8", RTF_UP | RTF_GATEWAY, d, 0);
    route(SIOCADDRT, "2001:db8:6::", 129, NULL, RTF_UP, d, 0);
    route(SIOCADDRT, "2001:db8:6::", 48, NULL, RTF_UP, 9999, 0);
    route(SIOCADDRT, "2001:db8:6::", 48, NULL, RTF_UP, 0, 0);
    route(SIOCADDRT, "2001:db8:6::1", 48, NULL, RTF_UP, d, 0);
    routes();
    route(SIOCDELRT, "2001:db8:1::", 48, NULL, RTF_UP, d, 7);
    route(SIOCDELRT, "2001:db8:1::", 48, NULL, RTF_UP, 0, 0);
    route(SIOCDELRT, "2001:db8:1::", 48, NULL, RTF_UP, 0, 0);
    route(SIOCDELRT, "2001:db8:2::", 48, "2001:db8::7", RTF_UP | RTF_GATEWAY, 0, 0);
    route(SIOCDELRT, "2001:db8:2::", 48, "2001:db8::9", RTF_UP | RTF_GATEWAY, 0, 0);
    route(SIOCDELRT, "2001:db8:3::", 48, NULL, 0, 0, 0);
    route(SIOCDELRT, "::", 0, NULL, 0, d, 0);
    routes();
    SHOW(ioctl(s, SIOCADDRT, BAD)), SHOW(ioctl(s, SIOCADDRT + 2, &own));
    if (!fork()) {
        setuid(1234);
        route(SIOCADDRT, "2001:db8:7::", 48, NULL, RTF_UP, d, 0);
        SHOW(ioctl(s, SIOCADDRT, BAD));
        _exit(0);
    }
    wait(NULL);
    return 0;
}

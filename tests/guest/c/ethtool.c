// admin
/* SIOCETHTOOL of a veth, a bridge, the loopback, a TUN and a TAP device. Features by name are left out: which there are depends on the kernel. */
#include "t.h"
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>

static int s;

static int ask(const char *name, void *data) {
    struct ifreq r = {.ifr_data = data};
    strcpy(r.ifr_name, name);
    return ioctl(s, SIOCETHTOOL, &r);
}

static void value(const char *name, unsigned cmd, const char *text, unsigned in) {
    struct ethtool_value v = {cmd, in};
    int r = ask(name, &v);
    printf("%s %s: %d %s %u\n", name, text, r, r ? strerror(errno) : "", r ? 0 : v.data);
}
#define V(name, cmd) value(name, cmd, #cmd, 0)
#define SET(name, cmd, in) value(name, cmd, #cmd, in)

static void flags_of(const char *name) {
    V(name, ETHTOOL_GTXCSUM), V(name, ETHTOOL_GSG), V(name, ETHTOOL_GTSO), V(name, ETHTOOL_GGSO);
}

static void all(const char *name) {
    struct ethtool_drvinfo d = {ETHTOOL_GDRVINFO};
    int r = ask(name, &d);
    printf("driver %d %s <%s> <%s>\n", r, r ? strerror(errno) : "", d.driver, d.bus_info);
    struct ethtool_cmd c = {ETHTOOL_GSET};
    r = ask(name, &c);
    printf("old settings %d %s %x %u %u %u %x\n", r, r ? strerror(errno) : "", c.speed, c.duplex, c.port, c.autoneg, c.speed_hi);
    V(name, ETHTOOL_GLINK), V(name, ETHTOOL_GMSGLVL), V(name, ETHTOOL_GCOALESCE), V(name, ETHTOOL_GRINGPARAM);
    flags_of(name);
    struct {
        struct ethtool_link_settings l;
        unsigned masks[3 * 127];
    } l = {{.cmd = ETHTOOL_GLINKSETTINGS}};
    r = ask(name, &l);
    printf("settings %d %s %d\n", r, r ? strerror(errno) : "", l.l.link_mode_masks_nwords < 0);
    if (!r) {
        l.l.cmd = ETHTOOL_GLINKSETTINGS, l.l.link_mode_masks_nwords = -l.l.link_mode_masks_nwords;
        SHOW(ask(name, &l));
        printf("%u %u %u %u\n", l.l.speed, l.l.duplex, l.l.port, l.l.autoneg);
    }
    struct {
        struct ethtool_perm_addr a;
        unsigned char b[32];
    } p = {{ETHTOOL_GPERMADDR, 32}};
    r = ask(name, &p);
    printf("permanent %d %s %u %d\n", r, r ? strerror(errno) : "", p.a.size, p.b[0] | p.b[5]);
    struct ethtool_ts_info ts = {ETHTOOL_GET_TS_INFO};
    r = ask(name, &ts);
    printf("times %d %s %x %d\n", r, r ? strerror(errno) : "", ts.so_timestamping, ts.phc_index);
}

static void tun(const char *name, int flags) {
    int fd = MUST(open("/dev/net/tun", O_RDWR));
    struct ifreq r = {.ifr_flags = flags};
    strcpy(r.ifr_name, name);
    MUST(ioctl(fd, TUNSETIFF, &r));
    r.ifr_flags = IFF_UP;
    MUST(ioctl(s, SIOCSIFFLAGS, &r));
    struct ethtool_drvinfo d = {ETHTOOL_GDRVINFO};
    SHOW(ask(name, &d));
    printf("<%s> <%s> <%s>\n", d.driver, d.version, d.bus_info);
    struct ethtool_cmd c = {ETHTOOL_GSET};
    SHOW(ask(name, &c));
    printf("%u %u %u\n", c.speed, c.duplex, c.port);
    V(name, ETHTOOL_GLINK), flags_of(name);
    struct {
        struct ethtool_perm_addr a;
        unsigned char b[32];
    } p = {{ETHTOOL_GPERMADDR, 32}};
    SHOW(ask(name, &p));
    VAL(p.a.size);
}

int main(void) {
    MUST(unshare(CLONE_NEWNET));
    s = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    if (system("ip link add v0 type veth peer name v1 && ip link add br0 type bridge && ip link set lo up && ip link set v0 up && ip link set v1 up"))
        return 1;
    all("v0"), all("lo"), all("br0");
    tun("t0", IFF_TUN | IFF_NO_PI), tun("t1", IFF_TAP | IFF_NO_PI);
    V("nosuch", ETHTOOL_GLINK), V("v0", 0xfff);
    struct {
        struct ethtool_sset_info i;
        unsigned n[2];
    } i = {{.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1 << ETH_SS_STATS}};
    SHOW(ask("v0", &i));
    struct ethtool_gstrings *g = calloc(1, sizeof *g + 200 * ETH_GSTRING_LEN);
    g->cmd = ETHTOOL_GSTRINGS, g->string_set = ETH_SS_STATS, g->len = i.n[0];
    SHOW(ask("v0", g));
    STR((char *)g->data);
    struct ethtool_stats *t = calloc(1, sizeof *t + 200 * 8);
    t->cmd = ETHTOOL_GSTATS, t->n_stats = i.n[0];
    SHOW(ask("v0", t));
    VAL(t->data[0] == if_nametoindex("v1"));
    SET("v0", ETHTOOL_STXCSUM, 0);
    flags_of("v0");
    SET("v0", ETHTOOL_STXCSUM, 1);
    flags_of("v0");
    SET("v0", ETHTOOL_STSO, 0);
    flags_of("v0");
    MUST(system("ip addr add 10.9.0.1/24 dev v0; ip netns list >/dev/null"));
    SET("v0", ETHTOOL_STXCSUM, 0);
    MUST(setuid(65534));
    SET("v0", ETHTOOL_STXCSUM, 1);
    V("v0", ETHTOOL_GTXCSUM), V("v0", ETHTOOL_GLINK);
    return 0;
}

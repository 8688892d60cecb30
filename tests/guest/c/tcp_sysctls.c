// admin
// The settings of TCP in /proc/sys/net/ipv4: what they are at first, which values they take, and that connections go by them.
#include "t.h"
#include <netinet/tcp.h>
#include <sys/mount.h>

static int change(const char *name, const char *value) {
    char path[128];
    snprintf(path, sizeof path, "/proc/sys/net/ipv4/tcp_%s", name);
    int fd = MUST(open(path, O_WRONLY)), n = write(fd, value, strlen(value));
    close(fd);
    return n < 0 ? -1 : 0;
}
static const char *now(const char *name) {
    static char text[256];
    char path[128];
    snprintf(path, sizeof path, "/proc/sys/net/ipv4/tcp_%s", name);
    int fd = MUST(open(path, O_RDONLY)), n = MUST(read(fd, text, sizeof text - 1));
    close(fd);
    text[n - 1] = 0;
    return text;
}
static void walk(const char *name) {
    static const char *values[] = {"0", "1", "2", "4", "5", "127", "128", "255", "256", "1000", "1001", "x", "-1"};
    char before[256];
    strcpy(before, now(name));
    printf("%s %s, takes", name, before);
    for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
        if (change(name, values[i])) continue;
        printf(" %s", values[i]);
        if (strcmp(now(name), values[i])) printf("=%s", now(name));
    }
    printf("\n");
    change(name, before);
}
static void connection(const char *title, int of_which) { // what the two ends have agreed on
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    int l = MUST(socket(AF_INET, SOCK_STREAM, 0)), c = MUST(socket(AF_INET, SOCK_STREAM, 0));
    MUST(bind(l, (void *)&a, size)), MUST(listen(l, 1)), MUST(getsockname(l, (void *)&a, &size));
    MUST(connect(c, (void *)&a, size));
    int s = MUST(accept(l, NULL, NULL));
    struct tcp_info info;
    size = sizeof info;
    MUST(getsockopt(s, IPPROTO_TCP, TCP_INFO, &info, &size));
    char name[16] = "";
    size = sizeof name;
    MUST(getsockopt(c, IPPROTO_TCP, TCP_CONGESTION, name, &size));
    printf("%s: timestamps %d, sack %d, wscale %d, ecn %d %s\n", title, !!(info.tcpi_options & TCPI_OPT_TIMESTAMPS),
           !!(info.tcpi_options & TCPI_OPT_SACK), !!(info.tcpi_options & TCPI_OPT_WSCALE), !!(info.tcpi_options & TCPI_OPT_ECN), of_which ? name : "");
    close(s), close(c), close(l);
}
int main(void) {
    static const char *names[] = {"abort_on_overflow", "adv_win_scale", "dsack", "early_retrans", "ecn_fallback", "fack", "frto", "max_reordering",
                                  "min_tso_segs", "moderate_rcvbuf", "notsent_lowat", "pacing_ca_ratio", "pacing_ss_ratio",
                                  "recovery", "rfc1337", "sack", "slow_start_after_idle", "stdurg", "syn_linear_timeouts",
                                  "thin_linear_timeouts", "timestamps", "tso_rtt_log", "tso_win_divisor", "window_scaling"};
    MUST(unshare(CLONE_NEWNET));
    struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int s = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    MUST(ioctl(s, SIOCSIFFLAGS, &r));
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) walk(names[i]);
    printf("ecn %s, fastopen %s, invalid_ratelimit %s\n", strdup(now("ecn")), strdup(now("fastopen")), now("invalid_ratelimit"));
    connection("at first", 0);
    change("timestamps", "0"), connection("without timestamps", 0);
    change("sack", "0"), connection("without sack", 0);
    change("window_scaling", "0"), connection("without scaling", 0);
    change("ecn", "1"), connection("with ecn", 0);
    printf("cong reno %s", change("congestion_control", "reno") ? ename(errno) : "ok");
    printf(", nonsense %s\n", change("congestion_control", "nonsense") ? ename(errno) : "ok");
    printf("now %s\n", now("congestion_control"));
    connection("with reno", 1);
    return 0;
}

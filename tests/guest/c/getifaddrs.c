#include "t.h"

static int by(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
int main(void) {
    struct ifaddrs *list;
    char *lines[200], t[64];
    int n = 0;
    SHOW(getifaddrs(&list));
    for (struct ifaddrs *i = list; i; i = i->ifa_next) {
        if (strcmp(i->ifa_name, "lo") || !i->ifa_addr) continue;
        int f = i->ifa_addr->sa_family;
        if (f == AF_INET) inet_ntop(f, &((struct sockaddr_in *)i->ifa_addr)->sin_addr, t, 64);
        else if (f == AF_INET6) inet_ntop(f, &((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr, t, 64);
        else strcpy(t, "link");
        asprintf(&lines[n++], "lo %d %s flags %x", f, t, i->ifa_flags & (IFF_UP | IFF_LOOPBACK | IFF_RUNNING));
    }
    qsort(lines, n, sizeof *lines, by);
    for (int i = 0; i < n; i++) puts(lines[i]);
    VAL(if_nametoindex("lo"));
    SHOW(if_nametoindex("none"));
    STR(ename(errno));
    STR(if_indextoname(1, t));
    struct ifreq r = {.ifr_name = "lo"};
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    SHOW(ioctl(s, SIOCGIFFLAGS, &r));
    VAL(r.ifr_flags & (IFF_UP | IFF_LOOPBACK));
    SHOW(ioctl(s, SIOCGIFADDR, &r));
    STR(inet_ntoa(((struct sockaddr_in *)&r.ifr_addr)->sin_addr));
    SHOW(ioctl(s, SIOCGIFMTU, &r));
    VAL(r.ifr_mtu);
    strcpy(r.ifr_name, "none");
    SHOW(ioctl(s, SIOCGIFFLAGS, &r));
    struct addrinfo h = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *res;
    VAL(getaddrinfo("127.0.0.1", "80", &h, &res));
    VAL(getaddrinfo("localhost", NULL, &(struct addrinfo){.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, &res));
    STR(inet_ntoa(((struct sockaddr_in *)res->ai_addr)->sin_addr));
    return 0;
}

/* To whom, and what, IPV6_JOIN_ANYCAST and IPV6_LEAVE_ANYCAST refuse: everything to who has no CAP_NET_ADMIN (net/ipv6/anycast.c). */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void change(int s, int name, const char *address, int number, int size) {
    struct ipv6_mreq m = {.ipv6mr_interface = number};
    inet_pton(AF_INET6, address, &m.ipv6mr_multiaddr);
    int r = setsockopt(s, IPPROTO_IPV6, name, &m, size);
    printf("%d %s %d: %s\n", name, address, size, r < 0 ? strerrorname_np(errno) : "ok");
}

int main(void) {
    int kinds[] = {SOCK_DGRAM, SOCK_STREAM}, lo = if_nametoindex("lo"), value;
    if (setresuid(65534, 65534, 65534))
        perror("setresuid");
    for (int i = 0; i < 2; i++) {
        int s = socket(AF_INET6, kinds[i], 0);
        socklen_t size = sizeof value;
        change(s, IPV6_JOIN_ANYCAST, "ff02::9", lo, sizeof(struct ipv6_mreq));
        change(s, IPV6_JOIN_ANYCAST, "::1", lo, sizeof(struct ipv6_mreq));
        change(s, IPV6_JOIN_ANYCAST, "2001:db8::1", lo, sizeof(struct ipv6_mreq));
        change(s, IPV6_JOIN_ANYCAST, "2001:db8::1", 9999, sizeof(struct ipv6_mreq));
        change(s, IPV6_JOIN_ANYCAST, "2001:db8::1", lo, 16);
        change(s, IPV6_LEAVE_ANYCAST, "2001:db8::1", lo, sizeof(struct ipv6_mreq));
        change(s, IPV6_LEAVE_ANYCAST, "2001:db8::1", 0, 19);
        printf("get: %d %s\n", getsockopt(s, IPPROTO_IPV6, IPV6_JOIN_ANYCAST, &value, &size), strerrorname_np(errno));
        close(s);
    }
    return 0;
}

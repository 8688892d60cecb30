// admin
/* Packets that are none, in both ways through TUN and TAP devices. */
#include "t.h"
#include <linux/if_packet.h>
#include <linux/if_tun.h>

static void one(int kind) {
    char b[2000] = {0}, c[2000];
    struct ifreq r = {.ifr_name = "j0", .ifr_flags = kind};
    int n, s = socket(AF_INET, SOCK_DGRAM, 0), p = socket(AF_PACKET, SOCK_RAW, 0), f = MUST(open("/dev/net/tun", O_RDWR | O_NONBLOCK));
    SHOW(ioctl(f, TUNSETIFF, &r));
    ioctl(s, SIOCGIFFLAGS, &r), r.ifr_flags |= IFF_UP, ioctl(s, SIOCSIFFLAGS, &r);
    struct sockaddr_ll to = {AF_PACKET, htons(0x1234), if_nametoindex("j0")};
    for (int n = 0; n < 64; n += 7) {
        for (int i = 0; i < n; i++) b[i] = i * 31 + n;
        SHOW(sendto(p, b, n, 0, (void *)&to, sizeof to));
    }
    while ((n = read(f, c, sizeof c)) > 0)
        if ((unsigned char)c[2] != 0x86) printf("%d\n", n); /* IPv6 has its own to say */
    SHOW(n);
    for (int n = 0; n < 200; n++) {
        for (int i = 0; i < n; i++) b[i] = rand();
        if (n % 3 == 0) b[2] = 8, b[3] = 0, b[4] = 0x45;
        write(f, b, n);
    }
    close(f), close(s), close(p);
}
int main(void) {
    if (unshare(CLONE_NEWNET)) return 77;
    one(IFF_TUN), one(IFF_TAP);
    return 0;
}

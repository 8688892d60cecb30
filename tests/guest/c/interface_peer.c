// admin
/* The address of the other end by ioctl: set, told, and told by SIOCGIFADDR (devinet_ioctl). */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int s;
static void call(const char *name, unsigned long request, const char *address) {
    struct ifreq r = {0};
    struct sockaddr_in *a = (void *)&r.ifr_addr;
    strcpy(r.ifr_name, "lo");
    a->sin_family = AF_INET;
    if (address) a->sin_addr.s_addr = inet_addr(address);
    int result = ioctl(s, request, &r);
    printf("%s: %s %s\n", name, result ? strerrorname_np(errno) : "ok", inet_ntoa(a->sin_addr));
}
static void all(void) {
    call("address", SIOCGIFADDR, NULL);
    call("other end", SIOCGIFDSTADDR, NULL);
    call("mask", SIOCGIFNETMASK, NULL);
}

int main(void) {
    if (unshare(CLONE_NEWNET)) return 77;
    s = socket(AF_INET, SOCK_DGRAM, 0);
    call("no address yet", SIOCSIFDSTADDR, "10.1.0.2");
    call("set", SIOCSIFADDR, "10.1.0.1");
    all();
    call("set the other end", SIOCSIFDSTADDR, "10.1.0.2");
    all();
    call("the same again", SIOCSIFDSTADDR, "10.1.0.2");
    all();
}

/* lwIP on a tap, by its raw API in its own thread: `lwip_tap TAP ADDRESS ROLE`, TCP port 7. Prints "ready", runs until it
 * is killed. Roles: echo (all that comes), source (sends without end), sink (reads to the end, then closes).
 * gcc -O2 -I/usr/include/lwip lwip_tap.c -llwip
 * The tap is read here: tapif of Debian's 2.1.3 takes buffers of its pool, which are shorter there (600 bytes) than it thinks. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lwip/etharp.h"
#include "lwip/ip4_addr.h"
#include "lwip/netif.h"
#include "lwip/tcp.h"
#include "lwip/tcpip.h"
#include "netif/ethernet.h"

enum { PORT = 7, BACKLOG = 255, FRAME = 1514 };

static char block[1 << 16];
static const char *role, *address;
static struct netif nic;
static int tap;

static err_t fill(void *unused, struct tcp_pcb *pcb, u16_t acknowledged)
{
    u16_t room;
    (void)unused, (void)acknowledged;
    while ((room = LWIP_MIN(tcp_sndbuf(pcb), (tcpwnd_size_t)sizeof block - 1)) > 0)
        if (tcp_write(pcb, block, room, 0) != ERR_OK && tcp_write(pcb, block, LWIP_MIN(room, TCP_MSS), 0) != ERR_OK)
            break;
    return tcp_output(pcb);
}

static err_t received(void *unused, struct tcp_pcb *pcb, struct pbuf *data, err_t error)
{
    (void)unused, (void)error;
    if (data == NULL)
        return tcp_close(pcb);
    if (!strcmp(role, "echo"))
        for (struct pbuf *part = data; part != NULL; part = part->next)
            if (tcp_write(pcb, part->payload, part->len, TCP_WRITE_FLAG_COPY) != ERR_OK)
                fputs("lwip_tap: an echo does not fit\n", stderr);
    tcp_recved(pcb, data->tot_len);
    pbuf_free(data);
    return tcp_output(pcb);
}

static err_t accepted(void *unused, struct tcp_pcb *pcb, err_t error)
{
    (void)unused;
    if (error != ERR_OK || pcb == NULL)
        return ERR_VAL;
    tcp_nagle_disable(pcb);
    tcp_recv(pcb, received);
    if (!strcmp(role, "source")) {
        tcp_sent(pcb, fill);
        return fill(NULL, pcb, 0);
    }
    return ERR_OK;
}

static err_t transmit(struct netif *unused, struct pbuf *frame)
{
    char whole[FRAME];
    const void *data = frame->payload;
    (void)unused;
    if (frame->next != NULL)
        data = pbuf_copy_partial(frame, whole, sizeof whole, 0) ? whole : NULL;
    return write(tap, data, frame->tot_len) < 0 ? ERR_IF : ERR_OK;
}

static err_t prepare(struct netif *netif)
{
    static const u8_t mac[] = {2, 0, 0, 0, 0, 2};
    netif->name[0] = 't', netif->name[1] = 'p';
    netif->output = etharp_output;
    netif->linkoutput = transmit;
    netif->mtu = 1500;
    netif->hwaddr_len = sizeof mac;
    memcpy(netif->hwaddr, mac, sizeof mac);
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP;
    return ERR_OK;
}

static void begin(void *unused)
{
    ip4_addr_t own, mask, none;
    (void)unused;
    ip4addr_aton(address, &own);
    IP4_ADDR(&mask, 255, 255, 255, 0);
    ip4_addr_set_zero(&none);
    netif_set_default(netif_add(&nic, &own, &mask, &none, NULL, prepare, ethernet_input));
    netif_set_up(&nic);
    struct tcp_pcb *listener = tcp_new();
    if (tcp_bind(listener, IP_ANY_TYPE, PORT) != ERR_OK)
        abort();
    tcp_accept(tcp_listen_with_backlog(listener, BACKLOG), accepted);
    puts("ready");
    fflush(stdout);
}

static void open_tap(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    tap = open("/dev/net/tun", O_RDWR);
    if (tap < 0 || ioctl(tap, TUNSETIFF, &request) < 0) {
        perror(name);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    char frame[FRAME];
    ssize_t length;
    if (argc != 4)
        return 2;
    open_tap(argv[1]);
    address = argv[2];
    role = argv[3];
    tcpip_init(begin, NULL);
    while ((length = read(tap, frame, sizeof frame)) > 0 || errno == EINTR) {
        struct pbuf *data = length > 0 ? pbuf_alloc(PBUF_RAW, length, PBUF_RAM) : NULL;
        if (data == NULL)
            continue;
        pbuf_take(data, frame, length);
        LOCK_TCPIP_CORE();
        if (nic.input == NULL || nic.input(data, &nic) != ERR_OK)
            pbuf_free(data);
        UNLOCK_TCPIP_CORE();
    }
    return 1;
}

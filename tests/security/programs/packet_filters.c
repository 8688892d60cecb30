/* Long programs at many packet sockets, a burst of messages, and another process that looks how far they are. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SOCKETS = 40, LENGTH = 4000, MESSAGES = 16 };

int main(void)
{
    static struct sock_filter code[LENGTH];
    static struct mmsghdr messages[MESSAGES];
    struct sock_fprog program = {LENGTH, code};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof to;
    struct iovec text = {"text", 4};
    int last = -1, go[2];
    alarm(120);
    for (int i = 0; i < LENGTH; i++)
        code[i] = (struct sock_filter){BPF_LD | BPF_B | BPF_ABS, 0, 0, 0};
    code[LENGTH - 1] = (struct sock_filter){BPF_RET, 0, 0, 65535};
    for (int i = 0; i < SOCKETS; i++) {
        last = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
        if (last < 0 || setsockopt(last, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program))
            return perror("packet socket"), 1;
    }
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(udp, (struct sockaddr *)&to, sizeof to) || getsockname(udp, (struct sockaddr *)&to, &size) || pipe(go))
        return perror("bind"), 1;
    for (int i = 0; i < MESSAGES; i++)
        messages[i].msg_hdr = (struct msghdr){.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &text, .msg_iovlen = 1};
    if (!fork()) {
        char c;
        read(go[0], &c, 1);
        sendmmsg(udp, messages, MESSAGES, 0);
        _exit(0);
    }
    struct tpacket_stats seen;
    unsigned total = 0, steps = 0;
    write(go[1], "x", 1);
    while (total < 2 * MESSAGES) { /* each leaves and comes in; the last socket misses what came too late for it */
        size = sizeof seen;
        if (getsockopt(last, SOL_PACKET, PACKET_STATISTICS, &seen, &size))
            return perror("statistics"), 1;
        total += seen.tp_packets;
        steps += seen.tp_packets > 0;
    }
    wait(NULL);
    printf("packets in turns: %s\n", steps >= MESSAGES / 4 ? "many" : "few");
    fprintf(stderr, "turns %u\n", steps);
    return 0;
}

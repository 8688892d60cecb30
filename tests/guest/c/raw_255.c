/* A raw socket of IPPROTO_RAW receives packets of protocol 255, whatever raw(7) says. */
#include "t.h"
#include <netinet/ip.h>

int main(void) {
    int s = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
    if (s < 0) {
        SHOW(s);
        return 0;
    }
    int other = MUST(socket(AF_INET, SOCK_RAW, IPPROTO_RAW)), udp = MUST(socket(AF_INET, SOCK_RAW, IPPROTO_UDP));
    struct {
        struct iphdr ip;
        char text[4];
    } packet = {{.ihl = 5, .version = 4, .ttl = 64, .protocol = 255}, "text"}, got;
    packet.ip.saddr = packet.ip.daddr = htonl(INADDR_LOOPBACK);
    struct sockaddr_in a = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
    SHOW(sendto(s, &packet, sizeof packet, 0, (void *)&a, sizeof a));
    SHOW(recv(other, &got, sizeof got, 0));
    VAL(ntohs(got.ip.tot_len));
    VAL(memcmp(got.text, "text", 4));
    SHOW(recv(s, &got, sizeof got, 0));
    packet.ip.protocol = 17;
    SHOW(sendto(s, &packet, sizeof packet, 0, (void *)&a, sizeof a));
    SHOW(recv(udp, &got, sizeof got, 0));
    SHOW(recv(s, &got, sizeof got, MSG_DONTWAIT));
    return 0;
}

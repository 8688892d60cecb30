/* What IPv4 and IPv6 sockets of all kinds refuse, and with which error. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static void say(const char *call, long result) {
    printf("%s: %ld %s\n", call, result, result < 0 ? strerrorname_np(errno) : "");
}

#define SAY(call) say(#call, (long)(call))

static int opt(int fd, int level, int name, int value) { return setsockopt(fd, level, name, &value, sizeof value); }

static int member(int fd, int name, const char *group, const char *local, int index) {
    struct ip_mreqn request = {.imr_ifindex = index};
    inet_pton(AF_INET, group, &request.imr_multiaddr);
    inet_pton(AF_INET, local, &request.imr_address);
    return setsockopt(fd, IPPROTO_IP, name, &request, sizeof request);
}

static int member6(int fd, int name, const char *group, int index) {
    struct ipv6_mreq request = {.ipv6mr_interface = index};
    inet_pton(AF_INET6, group, &request.ipv6mr_multiaddr);
    return setsockopt(fd, IPPROTO_IPV6, name, &request, sizeof request);
}

static void groups(void) {
    int fd = socket(AF_INET, SOCK_DGRAM, 0), six = socket(AF_INET6, SOCK_DGRAM, 0), tcp = socket(AF_INET, SOCK_STREAM, 0);
    SAY(member(fd, IP_ADD_MEMBERSHIP, "10.0.0.1", "0.0.0.0", 0));
    SAY(member(fd, IP_ADD_MEMBERSHIP, "224.1.2.3", "127.0.0.1", 0));
    SAY(member(fd, IP_ADD_MEMBERSHIP, "224.1.2.3", "127.0.0.1", 0));
    SAY(member(fd, IP_ADD_MEMBERSHIP, "224.1.2.4", "9.9.9.9", 0));
    SAY(member(fd, IP_ADD_MEMBERSHIP, "224.1.2.4", "0.0.0.0", 4711));
    SAY(member(fd, IP_DROP_MEMBERSHIP, "224.1.2.4", "127.0.0.1", 0));
    SAY(member(fd, IP_DROP_MEMBERSHIP, "224.1.2.3", "127.0.0.1", 0));
    SAY(member(tcp, IP_ADD_MEMBERSHIP, "224.1.2.3", "127.0.0.1", 0));
    SAY(member6(six, IPV6_ADD_MEMBERSHIP, "fe80::1", 1));
    SAY(member6(six, IPV6_ADD_MEMBERSHIP, "ff02::4711", 4711));
    SAY(member6(six, IPV6_DROP_MEMBERSHIP, "ff02::4711", 1));
    SAY(opt(fd, IPPROTO_IP, IP_MULTICAST_TTL, 256));
    SAY(opt(fd, IPPROTO_IP, IP_MULTICAST_TTL, -1));
    SAY(opt(fd, IPPROTO_IP, IP_TTL, 0));
    SAY(opt(fd, IPPROTO_IP, IP_TTL, 256));
    SAY(opt(six, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 256));
    SAY(opt(six, IPPROTO_IPV6, IPV6_TCLASS, 256));
    SAY(opt(fd, IPPROTO_IP, IP_MTU_DISCOVER, 6));
    close(fd), close(six), close(tcp);
}

static int device(int fd, const char *name) { return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, strlen(name) + 1); }

static void devices(void) {
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    char name[IFNAMSIZ] = "";
    socklen_t size = sizeof name, small = 2;
    SAY(device(fd, "nosuch0"));
    SAY(device(fd, "lo"));
    SAY(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &small));
    SAY(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &size));
    printf("%s %u\n", name, size);
    SAY(device(fd, ""));
    SAY(opt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, -1));
    SAY(opt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, 4711));
    close(fd);
}

static void raw(void) {
    int fd = socket(AF_INET6, SOCK_RAW, 200), icmp = socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6), four = socket(AF_INET, SOCK_RAW, 200);
    SAY(opt(fd, IPPROTO_IPV6, IPV6_CHECKSUM, 3));
    SAY(opt(fd, IPPROTO_IPV6, IPV6_CHECKSUM, 2));
    SAY(opt(fd, IPPROTO_RAW, 7, 2));
    SAY(opt(icmp, IPPROTO_IPV6, IPV6_CHECKSUM, 2));
    SAY(opt(icmp, IPPROTO_RAW, 7, 2));
    SAY(opt(fd, IPPROTO_IPV6, IPV6_HDRINCL, 1));
    SAY(listen(four, 1));
    SAY(connect(four, (struct sockaddr *)&(struct sockaddr_in6){.sin6_family = AF_INET6}, sizeof(struct sockaddr_in6)));
    SAY(sendto(four, "x", 1, 0, NULL, 0));
    SAY(sendto(four, "x", 1, MSG_OOB, (struct sockaddr *)&(struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, 16));
    SAY(socket(AF_INET, SOCK_RAW, 0));
    SAY(socket(AF_INET, SOCK_SEQPACKET, 0));
    SAY(socket(AF_INET, SOCK_DGRAM, 300));
    SAY(socket(AF_INET, 77, 0));
    SAY(socket(77, SOCK_STREAM, 0));
    SAY(socket(AF_INET, SOCK_STREAM | 0x100000, 0));
    close(fd), close(icmp), close(four);
}

static void streams(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof where;
    char text[8];
    SAY(setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 4));
    SAY(setsockopt(fd, IPPROTO_TCP, TCP_ULP, "", 1));
    SAY(setsockopt(fd, IPPROTO_TCP, TCP_ULP, "nosuch", 7));
    size = 8;
    SAY(getsockopt(fd, IPPROTO_TCP, TCP_ULP, text, &size));
    printf("%u\n", size);
    SAY(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
    SAY(bind(fd, (struct sockaddr *)&where, 15));
    SAY(bind(fd, (struct sockaddr *)&where, 1));
    SAY(connect(fd, (struct sockaddr *)&where, 8));
    where.sin_family = AF_INET6;
    SAY(bind(fd, (struct sockaddr *)&where, sizeof where));
    SAY(connect(fd, (struct sockaddr *)&where, sizeof where));
    where.sin_family = AF_INET, where.sin_addr.s_addr = htonl(0xE0000001), where.sin_port = htons(9);
    SAY(bind(fd, (struct sockaddr *)&where, sizeof where));
    SAY(connect(fd, (struct sockaddr *)&where, sizeof where));
    where.sin_addr.s_addr = 0xFFFFFFFF;
    SAY(connect(fd, (struct sockaddr *)&where, sizeof where));
    where.sin_addr.s_addr = htonl(0x09090909);
    SAY(bind(fd, (struct sockaddr *)&where, sizeof where));
    SAY(send(fd, "x", 1, MSG_NOSIGNAL));
    SAY(send(fd, "x", 1, MSG_NOSIGNAL | MSG_FASTOPEN));
    SAY(recv(fd, text, 1, MSG_OOB));
    SAY(recv(fd, text, 1, MSG_ERRQUEUE));
    SAY(shutdown(fd, 3));
    SAY(shutdown(fd, SHUT_RD));
    SAY(accept4(fd, NULL, NULL, 1));
    SAY(getpeername(fd, (struct sockaddr *)&where, &size));
    size = -1;
    SAY(getsockname(fd, (struct sockaddr *)&where, &size));
    close(fd);
    struct sockaddr_in6 many = {.sin6_family = AF_INET6, .sin6_addr.s6_addr = {0xff, 2, [15] = 1}, .sin6_scope_id = 1};
    fd = socket(AF_INET6, SOCK_STREAM, 0);
    SAY(bind(fd, (struct sockaddr *)&many, sizeof many));
    SAY(connect(fd, (struct sockaddr *)&many, sizeof many));
    many.sin6_family = AF_INET;
    SAY(bind(fd, (struct sockaddr *)&many, sizeof many));
    SAY(connect(fd, (struct sockaddr *)&many, 20));
    close(fd);
}

static void packets(void) {
    int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IP));
    struct sockaddr_ll where = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = 4711};
    struct packet_mreq group = {.mr_ifindex = 4711, .mr_type = PACKET_MR_PROMISC};
    struct tpacket_stats counts;
    socklen_t size = sizeof counts;
    SAY(bind(fd, (struct sockaddr *)&where, sizeof where));
    SAY(bind(fd, (struct sockaddr *)&where, sizeof where - 1));
    SAY(setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &group, sizeof group));
    group.mr_ifindex = if_nametoindex("lo"), group.mr_type = 77;
    SAY(setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &group, sizeof group));
    group.mr_type = PACKET_MR_PROMISC;
    SAY(setsockopt(fd, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &group, sizeof group));
    SAY(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &counts, &size));
    SAY(opt(fd, SOL_PACKET, PACKET_VERSION, 9));
    SAY(opt(fd, SOL_PACKET, PACKET_RESERVE, -1));
    SAY(opt(fd, SOL_PACKET, PACKET_TIMESTAMP, 1));
    SAY(opt(fd, SOL_PACKET, 99, 1));
    SAY(listen(fd, 1));
    SAY(connect(fd, (struct sockaddr *)&where, sizeof where));
    SAY(send(fd, "x", 1, 0));
    SAY(getpeername(fd, (struct sockaddr *)&where, &size));
    close(fd);
}

int main(void) {
    groups();
    devices();
    raw();
    streams();
    packets();
    return 0;
}

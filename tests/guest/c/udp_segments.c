/* UDP_SEGMENT and UDP_GRO at their edges, by option and by control message, and the errors of UDP's sizes. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

static char text[70000];
static struct sockaddr_in where;
static int from, to;

static const char *name(long result) { return result < 0 ? strerrorname_np(errno) : "ok"; }

static void drain(void) {
    for (int n = 0;; n++) {
        char control[64];
        struct iovec piece = {text, sizeof text};
        struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        long got = recvmsg(to, &message, MSG_DONTWAIT);
        if (got < 0) break;
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        int size = -1;
        if (c && c->cmsg_type == UDP_GRO) memcpy(&size, CMSG_DATA(c), sizeof size);
        if (n < 4) printf("  got %ld of %d\n", got, size);
        else if (n == 4) printf("  and more\n");
    }
}

static void by_option(int segment, long length) {
    int set = setsockopt(from, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment);
    printf("option %d: %s", segment, name(set));
    long sent = sendto(from, text, length, 0, (struct sockaddr *)&where, sizeof where);
    printf(", send %ld: %ld %s\n", length, sent, name(sent));
    drain();
}

static void by_message(unsigned short segment, long length, int size, int flags) {
    union { char bytes[CMSG_SPACE(4)]; struct cmsghdr align; } control = {0};
    struct iovec piece = {text, length};
    struct msghdr message = {.msg_name = &where, .msg_namelen = sizeof where, .msg_iov = &piece, .msg_iovlen = 1,
                             .msg_control = &control, .msg_controllen = CMSG_SPACE(size)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_UDP, c->cmsg_type = UDP_SEGMENT, c->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(c), &segment, sizeof segment);
    long sent = sendmsg(from, &message, flags);
    printf("message %d (%d bytes), send %ld: %ld %s\n", segment, size, length, sent, name(sent));
    drain();
}

int main(void) {
    socklen_t size = sizeof where;
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to = socket(AF_INET, SOCK_DGRAM, 0);
    from = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(to, (struct sockaddr *)&where, size) || getsockname(to, (struct sockaddr *)&where, &size)) return 1;
    by_option(-1, 10);
    by_option(65536, 10);
    by_option(65535, 10);
    by_option(1, 3);
    by_option(1000, 1000);
    by_option(1000, 1001);
    by_option(1000, 0);
    by_option(100, 6400);
    by_option(100, 12801);
    by_option(65507, 65507);
    by_option(0, 65508);
    by_option(0, 65507);
    by_message(500, 1200, 2, 0);
    by_message(0, 1200, 2, 0);
    by_message(500, 1200, 4, 0);
    by_message(500, 1200, 1, 0);
    int one = 1;
    printf("gro %s\n", name(setsockopt(to, SOL_UDP, UDP_GRO, &one, sizeof one)));
    by_option(1000, 5000);
    by_option(1000, 4999);
    by_option(0, 700);
    by_message(600, 1201, 2, 0);
    by_message(600, 1201, 2, MSG_MORE);
    long sent = sendto(from, text, 10, 0, (struct sockaddr *)&where, sizeof where);
    printf("after more: %ld %s\n", sent, name(sent));
    drain();
    return 0;
}

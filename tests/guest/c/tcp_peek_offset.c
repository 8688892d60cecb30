/* SO_PEEK_OFF of a stream (since Linux 6.9), with plain reads, MSG_TRUNC, poll and time-outs between. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#ifndef SO_PEEK_OFF
#define SO_PEEK_OFF 42
#endif

static int at(int fd) {
    int value = -99;
    socklen_t size = sizeof value;
    if (getsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &value, &size)) return -errno;
    return value;
}

static void move(int fd, int value) {
    printf("to %d: %d\n", value, setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &value, sizeof value) ? errno : 0);
}

static void take(const char *what, int fd, int size, int flags) {
    char text[64] = "";
    long got = recv(fd, text, size, flags);
    printf("%s %d: %ld '%.*s' %s, at %d\n", what, size, got, got > 0 ? (int)got : 0, text,
           got < 0 ? strerrorname_np(errno) : "", at(fd));
}

int main(void) {
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof where;
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    printf("at first %d\n", at(listener));
    if (bind(listener, (struct sockaddr *)&where, size) || listen(listener, 1) ||
        getsockname(listener, (struct sockaddr *)&where, &size) || connect(client, (struct sockaddr *)&where, size))
        return 1;
    int server = accept(listener, NULL, NULL);
    struct timeval soon = {0, 50000};
    setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
    if (send(client, "abcdefghijklmnopqrstuvwxyz", 26, 0) != 26) return 1;
    take("peek", server, 5, MSG_PEEK);
    move(server, 0);
    take("peek", server, 5, MSG_PEEK);
    take("peek", server, 5, MSG_PEEK);
    take("read", server, 3, 0);
    take("peek", server, 4, MSG_PEEK);
    take("drop", server, 2, MSG_TRUNC);
    take("peek", server, 40, MSG_PEEK);
    take("peek", server, 5, MSG_PEEK | MSG_DONTWAIT);
    take("peek", server, 5, MSG_PEEK);
    struct pollfd poller = {server, POLLIN, 0};
    printf("poll %d\n", poll(&poller, 1, 0));
    if (send(client, "0123", 4, 0) != 4) return 1;
    take("peek", server, 3, MSG_PEEK);
    move(server, 200);
    take("peek", server, 3, MSG_PEEK | MSG_DONTWAIT);
    move(server, -1);
    take("peek", server, 3, MSG_PEEK);
    move(server, 20);
    shutdown(client, SHUT_WR);
    take("read", server, 40, 0);
    take("peek", server, 3, MSG_PEEK);
    take("read", server, 3, 0);
    return 0;
}

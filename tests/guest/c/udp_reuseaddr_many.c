/* Many sockets at one port by SO_REUSEADDR: who gets a datagram, and who may come and stay. */
#include "t.h"
#define MANY 400
static int sockets[MANY];
static int make(const char *address, int port, int reuse) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(address)};
    int one = 1, fd = MUST(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
    if (reuse) MUST(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
    if (bind(fd, (void *)&a, sizeof a)) {
        int number = errno;
        close(fd);
        errno = number;
        return -1;
    }
    return fd;
}
static int port_of(int fd) {
    struct sockaddr_in a;
    socklen_t size = sizeof a;
    MUST(getsockname(fd, (void *)&a, &size));
    return ntohs(a.sin_port);
}
static void ask(const char *what, int port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr("127.0.0.1")};
    int fd = MUST(socket(AF_INET, SOCK_DGRAM, 0)), got = -1;
    char c;
    errno = 0;
    sendto(fd, "x", 1, 0, (void *)&a, sizeof a);
    for (int i = 0; i < MANY; i++)
        if (sockets[i] >= 0 && recv(sockets[i], &c, 1, 0) == 1) {
            printf("%s: %d\n", what, i);
            got = i;
        }
    if (got < 0) printf("%s: nobody\n", what);
    close(fd);
}
static void drop(int i) {
    close(sockets[i]);
    sockets[i] = -1;
}
int main(void) {
    sockets[0] = make("127.0.0.1", 0, 1);
    int port = port_of(sockets[0]);
    for (int i = 1; i < MANY; i++) sockets[i] = MUST(make(i % 2 ? "127.0.0.1" : "0.0.0.0", port, 1));
    ask("all", port);
    drop(MANY - 1);
    ask("without the last", port);
    for (int i = 1; i < MANY - 1; i += 2) drop(i);
    ask("without those of the address but the first", port);
    drop(0);
    ask("without those of the address", port);
    SHOW(make("127.0.0.1", port, 0));
    SHOW(make("0.0.0.0", port, 0));
    sockets[0] = OK(make("127.0.0.2", port, 1));
    ask("another address", port);
    sockets[1] = OK(make("127.0.0.1", port, 1));
    ask("the address again", port);
    for (int i = 0; i < MANY; i++)
        if (sockets[i] >= 0) drop(i);
    ask("after all", port);
    sockets[0] = OK(make("127.0.0.1", port, 0));
    SHOW(make("127.0.0.1", port, 1));
    ask("one by itself", port);
    return 0;
}

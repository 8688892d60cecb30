/* Messages with descriptors that nobody reads, of sockets that only such messages hold: how many there may be, and that they go. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EACH = 253, BOUND = 1 << 17 };

static int send_them(int from, const int *fds)
{
    char text = 'x', control[CMSG_SPACE(EACH * sizeof(int))];
    struct iovec iov = {&text, 1};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    *head = (struct cmsghdr){CMSG_LEN(EACH * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(head), fds, EACH * sizeof(int));
    return sendmsg(from, &message, MSG_DONTWAIT) > 0 ? 0 : errno;
}

int main(void)
{
    struct rlimit most = {1 << 20, 1 << 20};
    int sent = 0, error = 0, pair[2], fds[EACH];
    alarm(120);
    setrlimit(RLIMIT_NOFILE, &most);
    for (int pairs = 0; pairs < 10 && error != ETOOMANYREFS; pairs++) {
        if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair))
            return perror("socketpair"), 1;
        for (int i = 0; i < EACH; i++)
            fds[i] = pair[i & 1];
        while (!(error = send_them(pair[0], fds)))
            sent += EACH;
    }
    printf("refused: %s, sent at once: %s\n", strerror(error), sent <= BOUND ? "bounded" : "too many");
    close_range(3, ~0U, 0);
    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    for (int i = 0; i < EACH; i++)
        fds[i] = pair[0];
    while ((error = send_them(pair[1], fds)) == ETOOMANYREFS)
        usleep(1000); /* they are collected in the background */
    printf("and later: %s\n", strerror(error));
    return 0;
}

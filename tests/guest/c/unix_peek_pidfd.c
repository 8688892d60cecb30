/* Unix sockets: SO_PEEK_OFF of streams, packets and datagrams; SO_PEERPIDFD, SO_PASSPIDFD and the SCM_PIDFD that it brings. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#define SO_PEERPIDFD 77
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif

static const char *name(int result) { return result < 0 ? strerrorname_np(errno) : "ok"; }

static int set(int fd, int option, int value) { return setsockopt(fd, SOL_SOCKET, option, &value, sizeof value); }

static int offset(int fd) {
    int value = -77;
    socklen_t size = sizeof value;
    getsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &value, &size);
    return value;
}

static void look(int fd, int flags, int size) {
    char text[100] = "";
    int got = recv(fd, text, size, flags | MSG_DONTWAIT);
    if (got < 0)
        printf(" %s", strerrorname_np(errno));
    else
        printf(" %d:%.*s", got, got < size ? got : size, text);
    printf("@%d", offset(fd));
}

static void peek_stream(void) {
    int fds[2], left;
    socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    printf("stream: at first %d", offset(fds[1]));
    write(fds[0], "abcdef", 6);
    write(fds[0], "ghi", 3);
    look(fds[1], MSG_PEEK, 4);
    printf(", set %s", name(set(fds[1], SO_PEEK_OFF, 2)));
    look(fds[1], MSG_PEEK, 3);
    look(fds[1], MSG_PEEK, 3);
    look(fds[1], MSG_PEEK, 30);
    look(fds[1], MSG_PEEK, 1);
    ioctl(fds[1], FIONREAD, &left);
    printf(", unread %d", left);
    look(fds[1], 0, 4);
    look(fds[1], MSG_PEEK, 30);
    write(fds[0], "jk", 2);
    look(fds[1], MSG_PEEK, 30);
    set(fds[1], SO_PEEK_OFF, 0);
    look(fds[1], MSG_PEEK, 30);
    look(fds[1], 0, 30);
    printf("\n after the end:");
    write(fds[0], "xyz", 3);
    set(fds[1], SO_PEEK_OFF, 1);
    close(fds[0]);
    look(fds[1], MSG_PEEK, 30);
    look(fds[1], MSG_PEEK, 30);
    printf(", off");
    set(fds[1], SO_PEEK_OFF, -1);
    look(fds[1], MSG_PEEK, 30);
    look(fds[1], 0, 30);
    look(fds[1], 0, 30);
    printf("\n");
    close(fds[1]);
}

static void peek_packets(const char *title, int type) {
    int fds[2];
    socketpair(AF_UNIX, type, 0, fds);
    printf("%s: at first %d", title, offset(fds[1]));
    write(fds[0], "abcdef", 6);
    send(fds[0], "", 0, 0);
    write(fds[0], "ghi", 3);
    printf(", set %s", name(set(fds[1], SO_PEEK_OFF, 0)));
    for (int i = 0; i < 7; i++) look(fds[1], MSG_PEEK, 2);
    set(fds[1], SO_PEEK_OFF, 4);
    printf("\n from 4:");
    look(fds[1], MSG_PEEK | MSG_TRUNC, 1);
    look(fds[1], MSG_PEEK | MSG_TRUNC, 1);
    look(fds[1], 0, 3);
    look(fds[1], MSG_PEEK, 30);
    look(fds[1], 0, 30);
    look(fds[1], 0, 30);
    look(fds[1], 0, 30);
    set(fds[1], SO_PEEK_OFF, 100);
    write(fds[0], "abc", 3);
    printf("\n far:");
    look(fds[1], MSG_PEEK, 30);
    struct pollfd polled = {.fd = fds[1], .events = POLLIN};
    printf(", readable %d", poll(&polled, 1, 0));
    shutdown(fds[1], SHUT_RD);
    look(fds[1], MSG_PEEK, 30);
    look(fds[1], 0, 30);
    look(fds[1], 0, 30);
    printf("\n");
    close(fds[0]);
    close(fds[1]);
}

/* What a pidfd tells of its process. */
static void show(const char *title, int fd) {
    if (fd < 0) {
        printf("%s none\n", title);
        return;
    }
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    int flags = fcntl(fd, F_GETFD);
    printf("%s ended %d, close-on-exec %d, signal %s\n", title, poll(&polled, 1, 0), flags & FD_CLOEXEC,
           name(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0)));
    close(fd);
}

static int peer(int fd, int size) {
    int pidfd = -1;
    socklen_t length = size;
    int result = getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &length);
    if (result < 0) {
        printf("%s, ", name(result));
        return -1;
    }
    printf("%u bytes, ", length);
    return pidfd;
}

static void receive(const char *title, int fd, int room) {
    char text[10], control[200];
    struct iovec part = {text, sizeof text};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room ? control : NULL, .msg_controllen = room};
    int got = recvmsg(fd, &message, 0);
    printf("%s: %d bytes, truncated %d", title, got, (message.msg_flags & MSG_CTRUNC) != 0);
    for (struct cmsghdr *one = CMSG_FIRSTHDR(&message); room && one; one = CMSG_NXTHDR(&message, one)) {
        printf(", type %d of %zu", one->cmsg_type, one->cmsg_len - CMSG_LEN(0));
        if (one->cmsg_type == SCM_PIDFD) {
            int pidfd;
            memcpy(&pidfd, CMSG_DATA(one), sizeof pidfd);
            show(",", pidfd);
            printf(" and");
        } else if (one->cmsg_type == SCM_RIGHTS) {
            int other;
            memcpy(&other, CMSG_DATA(one), sizeof other);
            close(other);
        }
    }
    printf(" no more\n");
}

static void send_with_file(int fd) {
    char control[CMSG_SPACE(sizeof(int))] = "";
    struct iovec part = {"y", 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *one = CMSG_FIRSTHDR(&message);
    *one = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    int out = 1;
    memcpy(CMSG_DATA(one), &out, sizeof out);
    sendmsg(fd, &message, 0);
}

static void pidfds(int type) {
    int fds[2], value = -1;
    socklen_t size = sizeof value;
    socketpair(AF_UNIX, type, 0, fds);
    show("of a pair:", peer(fds[0], 4));
    show("with more room:", peer(fds[0], 8));
    int alone = socket(AF_UNIX, type, 0);
    show("of nobody:", peer(alone, 4));
    getsockopt(fds[1], SOL_SOCKET, SO_PASSPIDFD, &value, &size);
    printf("passed at first %d, set %s", value, name(set(fds[1], SO_PASSPIDFD, 5)));
    getsockopt(fds[1], SOL_SOCKET, SO_PASSPIDFD, &value, &size);
    printf(", then %d\n", value);
    write(fds[0], "x", 1);
    receive("plain", fds[1], 200);
    send_with_file(fds[0]);
    receive("with a file", fds[1], 200);
    set(fds[1], SO_PASSCRED, 1);
    send_with_file(fds[0]);
    receive("and who it was", fds[1], 200);
    write(fds[0], "x", 1);
    receive("no room", fds[1], 0);
    write(fds[0], "x", 1);
    receive("room for one", fds[1], CMSG_SPACE(12));
    set(fds[1], SO_PASSCRED, 0);
    pid_t child = fork();
    if (!child) {
        write(fds[0], "z", 1);
        _exit(0);
    }
    siginfo_t info;
    waitid(P_PID, child, &info, WEXITED | WNOWAIT);
    receive("of a zombie", fds[1], 200);
    waitpid(child, NULL, 0);
    close(fds[0]);
    close(fds[1]);
    close(alone);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    peek_stream();
    peek_packets("packets", SOCK_SEQPACKET);
    peek_packets("datagrams", SOCK_DGRAM);
    pidfds(SOCK_STREAM);
    pidfds(SOCK_DGRAM);
    fflush(stdout);
    return 0;
}

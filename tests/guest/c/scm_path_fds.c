// admin
/* Descriptors without access that are sent over a socket: O_PATH, trees, mounts that are nowhere yet. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void pass(const char *name, int fd) {
    int pair[2], got = -1;
    if (fd < 0) {
        printf("%s: not made: %s\n", name, strerrorname_np(errno));
        return;
    }
    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair);
    char room[CMSG_SPACE(sizeof fd)] = {0};
    struct iovec piece = {"x", 1};
    struct msghdr m = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    struct cmsghdr *head = CMSG_FIRSTHDR(&m);
    head->cmsg_len = CMSG_LEN(sizeof fd), head->cmsg_level = SOL_SOCKET, head->cmsg_type = SCM_RIGHTS;
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
    long sent = sendmsg(pair[0], &m, 0);
    printf("%s: sent %ld %s", name, sent, sent < 0 ? strerrorname_np(errno) : "");
    long had = recvmsg(pair[1], &m, 0);
    if (had > 0) memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof got);
    printf(", had %ld, flags %#x\n", had, fcntl(got, F_GETFL));
    close(fd), close(got), close(pair[0]), close(pair[1]);
}

int main(void) {
    pass("path", open("/etc", O_PATH));
    pass("link", open("/proc/self/exe", O_PATH | O_NOFOLLOW));
    pass("tree", syscall(SYS_open_tree, AT_FDCWD, "/etc", OPEN_TREE_CLONE));
    int fs = fsopen("tmpfs", 0);
    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
    pass("mount", fsmount(fs, 0, 0));
    pass("context", fs);
    return 0;
}

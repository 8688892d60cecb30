/* One call that receives a thousand messages of a thousand pieces each: others have their turn meanwhile. */
#define _GNU_SOURCE
#include "turns.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define MANY 1024

static void datagrams(void)
{
    static struct mmsghdr messages[MANY];
    static struct iovec pieces[MANY];
    static char byte;
    int pair[2];
    int size = 1 << 28, setting = open("/proc/sys/net/unix/max_dgram_qlen", O_WRONLY);
    write(setting, "2000", 4);
    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    for (int i = 0; i < MANY; i++) {
        pieces[i] = (struct iovec){&byte, 1};
        messages[i].msg_hdr.msg_iov = pieces;
        messages[i].msg_hdr.msg_iovlen = MANY;
    }
    DURING("sendmmsg", sendmmsg(pair[0], messages, MANY, 0) == MANY ? 0 : -1);
    DURING("recvmmsg", recvmmsg(pair[1], messages, MANY, 0, NULL) == MANY ? 0 : -1);
}

int main(void)
{
    alarm(100);
    setvbuf(stdout, NULL, _IONBF, 0);
    start_caller();
    datagrams();
    kill(caller, SIGKILL);
    return 0;
}

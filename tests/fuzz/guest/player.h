/* Plays programs of the differential fuzzer: what its parts share. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { SLOTS = 8, ROOM = 1 << 18, NODES = 64, PIECES = 4, PIECE = 4 * 4096 };

/* Of one program, shared by its processes: the trace, and what was seen (numbers are told by order of appearance). */
struct told {
    unsigned length;
    int nodes, devices;
    unsigned long node[NODES][2], device[NODES];
    volatile int signals[65];
    char text[ROOM];
};

struct op {
    const char *name;
    long (*run)(const long *a); /* its result, negative errno */
};

extern struct told *told;
extern int fds[SLOTS];
extern char *pieces[PIECES];
extern long piece_size[PIECES];
extern const struct op file_ops[], other_ops[];

void tell(const char *format, ...);
void tell_bytes(const char *data, long size);
const char *path_of(long number);
const char *text_of(long number);
long keep(long slot, long fd);

#define OP(name) static long op_##name(const long *a)
#define RESULT(e) ({ long r_ = (e); r_ == -1 ? -(long)errno : r_; })
#define FD(n) fds[(n) & (SLOTS - 1)]
#define DIR(n) ((n) < 0 ? AT_FDCWD : FD(n))

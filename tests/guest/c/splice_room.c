/* sendfile, splice and tee to what has room, none, no reader, or is the wrong kind. */
#include "t.h"
#include <sys/sendfile.h>
static void all(int out) {
    int m = memfd_create("x", 0), z = open("/dev/zero", 0), q[2], u[2]; char b[9]; off_t o;
    pipe2(q, O_NONBLOCK), socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, u);
    SHOW(sendfile(out, m, 0, 100)), SHOW(splice(m, 0, out, 0, 100, SPLICE_F_NONBLOCK)), SHOW(sendfile(out, m, 0, 0));
    o = 0, SHOW(sendfile(out, m, &o, 100)), o = -1, SHOW(sendfile(out, m, &o, 100));
    SHOW(sendfile(out, z, 0, 10)), SHOW(splice(z, 0, out, 0, 10, SPLICE_F_NONBLOCK));
    SHOW(sendfile(out, u[0], 0, 10)), SHOW(splice(u[0], 0, out, 0, 10, SPLICE_F_NONBLOCK)), SHOW(sendfile(out, q[0], 0, 10)), SHOW(splice(q[0], 0, out, 0, 10, SPLICE_F_NONBLOCK)), SHOW(tee(q[0], out, 10, SPLICE_F_NONBLOCK));
    write(m, "hello", 5), write(q[1], "hello", 5), write(u[1], "hello", 5), lseek(m, 0, 0);
    SHOW(sendfile(out, m, 0, 2)), SHOW(splice(m, 0, out, 0, 2, SPLICE_F_NONBLOCK)), o = 1, SHOW(sendfile(out, m, &o, 2)), o = 5, SHOW(sendfile(out, m, &o, 2)), o = 9, SHOW(sendfile(out, m, &o, 2));
    SHOW(sendfile(out, u[0], 0, 2)), SHOW(splice(u[0], 0, out, 0, 2, SPLICE_F_NONBLOCK)), SHOW(splice(q[0], 0, out, 0, 2, SPLICE_F_NONBLOCK)), SHOW(tee(q[0], out, 2, SPLICE_F_NONBLOCK));
    close(m), close(z), close(q[0]), close(q[1]), close(u[0]), close(u[1]);
}
int main(void) {
    int p[2], s[2];
    signal(SIGPIPE, SIG_IGN);
    puts("== a pipe with room"), pipe2(p, O_NONBLOCK), all(p[1]);
    puts("== a full one of one page"), pipe2(p, O_NONBLOCK), fcntl(p[1], F_SETPIPE_SZ, 0), write(p[1], "0123456789", 10), all(p[1]);
    puts("== one without readers"), pipe2(p, O_NONBLOCK), close(p[0]), all(p[1]);
    puts("== full, without readers"), pipe2(p, O_NONBLOCK), fcntl(p[1], F_SETPIPE_SZ, 0), write(p[1], "0123456789", 10), close(p[0]), all(p[1]);
    puts("== a socket"), socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s), all(s[0]);
    puts("== a closed one"), close(s[1]), all(s[0]);
    puts("== the wrong end"), pipe2(p, O_NONBLOCK), all(p[0]);
    puts("== a file"), all(memfd_create("o", 0));
    return 0;
}

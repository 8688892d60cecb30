"""MSG_ZEROCOPY over the loopback: values of SO_ZEROCOPY, and the notifications on the error queue."""

import errno
import select
import socket
import struct

SO_ZEROCOPY, MSG_ZEROCOPY = 60, 0x4000000


def attempt(what, call):
    try:
        print(what, call())
    except OSError as error:
        print(what, errno.errorcode[error.errno])


for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    listener = socket.create_server((host, 0), family=family)
    a = socket.create_connection(listener.getsockname()[:2])
    b, _ = listener.accept()
    for value in (2, -1, 0, 1):
        attempt(f"SO_ZEROCOPY {value}", lambda v=value: a.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, v))
    attempt("empty", lambda: a.recvmsg(0, 100, socket.MSG_ERRQUEUE))
    seen = set()
    for _ in range(3):
        a.send(b"x" * 1000, MSG_ZEROCOPY)
        got = 0
        while got < 1000:
            got += len(b.recv(1000))
    poller = select.poll()
    poller.register(a, 0)
    while len(seen) < 3 and poller.poll(5000):
        data, control, flags, _ = a.recvmsg(10, 200, socket.MSG_ERRQUEUE)
        level, kind, body = control[0]
        number, origin, what, code, _, first, last = struct.unpack("=IBBBBII", body[:16])
        assert (data, flags) == (b"", socket.MSG_ERRQUEUE), (data, flags)
        seen |= set(range(first, last + 1))
    print(level, kind, number, origin, what, code, len(body), sorted(seen))
    attempt("empty", lambda: a.recvmsg(0, 100, socket.MSG_ERRQUEUE))

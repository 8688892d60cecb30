"""SO_TIMESTAMPING in software: what the error queue tells of datagrams and of bytes of a stream."""

import errno
import select
import socket
import struct

OPTION, NEW, SELECT_ERRORS = 37, 65, 45
TX_SOFTWARE, RX_SOFTWARE, SOFTWARE, OPT_ID, TX_SCHED, TX_ACK, TSONLY, ID_TCP = 2, 8, 16, 128, 256, 512, 2048, 1 << 16


def attempt(text, call):
    try:
        print(text, call())
    except OSError as error:
        print(text, errno.errorcode[error.errno])


def queue(s, count):
    """What is in the error queue, once `count` entries have come."""
    poller = select.poll()
    poller.register(s, 0)
    for _ in range(count):
        assert poller.poll(5000), "nothing came"
        data, control, flags, address = s.recvmsg(500, 500, socket.MSG_ERRQUEUE)
        shown = []
        for level, kind, value in control:
            if kind in (OPTION, NEW):
                times = struct.unpack("=6q", value)
                shown.append((level, kind, times[0] > 1_600_000_000, times[2:]))
            else:
                shown.append((level, kind, struct.unpack("=IBBBBII", value[:16]), value[16:]))
        print(" ", len(data), data[-3:], shown, flags, address)
    attempt("  more", lambda: s.recvmsg(10, 10, socket.MSG_ERRQUEUE))


def datagrams(family, host):
    a, b = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
    b.bind((host, 0))
    a.connect(b.getsockname())
    for flags in (
        TX_SOFTWARE | SOFTWARE,
        TX_SCHED | TX_SOFTWARE | SOFTWARE | OPT_ID,
        TX_SOFTWARE | SOFTWARE | OPT_ID | TSONLY,
        TX_SCHED | TSONLY | OPT_ID,
        TX_ACK | SOFTWARE,
    ):
        a.setsockopt(socket.SOL_SOCKET, OPTION, flags)
        print(flags)
        a.send(b"one")
        a.send(b"two")
        queue(a, 2 * bool(flags & TX_SOFTWARE) + 2 * bool(flags & TX_SCHED))
    a.setsockopt(socket.SOL_SOCKET, OPTION, SOFTWARE | OPT_ID | TSONLY)
    a.send(b"no events")
    a.sendmsg([b"chosen"], [(socket.SOL_SOCKET, OPTION, struct.pack("=I", TX_SOFTWARE))])
    queue(a, 1)
    attempt("bad", lambda: a.sendmsg([b"x"], [(socket.SOL_SOCKET, OPTION, struct.pack("=I", SOFTWARE))]))
    attempt("short", lambda: a.sendmsg([b"x"], [(socket.SOL_SOCKET, OPTION, b"\2")]))
    a.setsockopt(socket.SOL_SOCKET, NEW, TX_SOFTWARE | SOFTWARE | TSONLY)
    print([a.getsockopt(socket.SOL_SOCKET, name, 8) for name in (OPTION, NEW)])
    a.setsockopt(socket.SOL_SOCKET, SELECT_ERRORS, 1)
    a.send(b"x")
    poller = select.poll()
    poller.register(a, select.POLLPRI)
    print(poller.poll(5000)[0][1])
    queue(a, 1)
    b.setsockopt(socket.SOL_SOCKET, OPTION, RX_SOFTWARE | SOFTWARE)
    while True:  # what came before has no time, perhaps
        a.send(b"last")
        data, control, _, _ = b.recvmsg(100, 500)
        if data == b"last" and control:
            break
    print([(level, kind, struct.unpack("=6q", value)[2:]) for level, kind, value in control])


def stream():
    listener = socket.create_server(("127.0.0.1", 0))
    fresh = socket.socket()
    attempt("fresh", lambda: fresh.setsockopt(socket.SOL_SOCKET, OPTION, TX_ACK | OPT_ID))
    a = socket.create_connection(listener.getsockname())
    b, _ = listener.accept()
    a.sendall(b"before")
    b.recv(6)
    flags = TX_SCHED | TX_SOFTWARE | TX_ACK | SOFTWARE | OPT_ID | TSONLY
    a.setsockopt(socket.SOL_SOCKET, OPTION, flags | ID_TCP)
    for size in (10, 1000):
        a.sendall(b"x" * size)
        queue(a, 3)
        b.recv(size, socket.MSG_WAITALL)
    a.setsockopt(socket.SOL_SOCKET, OPTION, SOFTWARE | TSONLY)
    a.sendall(b"none")
    a.sendmsg([b"chosen"], [(socket.SOL_SOCKET, OPTION, struct.pack("=I", TX_ACK))])
    queue(a, 1)


datagrams(socket.AF_INET, "127.0.0.1")
datagrams(socket.AF_INET6, "::1")
stream()

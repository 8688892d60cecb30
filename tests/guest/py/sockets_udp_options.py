"""What UDP's socket options do to datagrams on the loopback."""

import errno
import socket
import struct

SO_PEEK_OFF, SO_RXQ_OVFL, SO_RCVMARK, SO_TIMESTAMPNS_NEW = 42, 40, 75, 64
UDP, SEGMENT, GRO, NO_CHECK6_TX, NO_CHECK6_RX = 17, 103, 104, 101, 102


def name(error):
    return errno.errorcode[error.errno] if error.errno else "nothing"


def pair(family=socket.AF_INET, host="127.0.0.1"):
    one, two = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
    one.bind((host, 0))
    two.bind((host, 0))
    one.connect(two.getsockname())
    two.settimeout(5)
    return one, two


def attempt(text, call):
    try:
        print(text, call())
    except OSError as error:
        print(text, name(error))


def segments():
    a, b = pair()
    a.setsockopt(UDP, SEGMENT, 100)
    print("taken", a.send(b"x" * 250), [len(b.recv(2000)) for _ in range(3)])
    print(
        "taken", a.sendmsg([b"y" * 90], [(UDP, SEGMENT, struct.pack("=H", 40))]), [len(b.recv(2000)) for _ in range(3)]
    )
    print("one", a.send(b"z" * 60), len(b.recv(2000)))
    attempt("too many", lambda: a.send(b"x" * 100 * 129))
    attempt("short message", lambda: a.sendmsg([b"y"], [(UDP, SEGMENT, b"\1")]))
    a.setsockopt(socket.SOL_SOCKET, socket.SO_NO_CHECK if hasattr(socket, "SO_NO_CHECK") else 11, 1)
    attempt("unchecked", lambda: a.send(b"x" * 250))
    b.setsockopt(UDP, GRO, 1)
    a.setsockopt(socket.SOL_SOCKET, 11, 0)
    a.send(b"s" * 50)
    data, control, _, _ = b.recvmsg(2000, 200)
    print("alone", len(data), control)


def peeking():
    a, b = pair()
    for text in (b"abcdef", b"ghi"):
        a.send(text)
    b.setblocking(False)
    b.setsockopt(socket.SOL_SOCKET, SO_PEEK_OFF, 2)
    for size in (3, 9, 9, 9):
        attempt("peek", lambda: b.recv(size, socket.MSG_PEEK))
        print("at", b.getsockopt(socket.SOL_SOCKET, SO_PEEK_OFF))
    print("read", b.recv(9), b.getsockopt(socket.SOL_SOCKET, SO_PEEK_OFF))
    attempt("peek", lambda: b.recv(9, socket.MSG_PEEK))


def ports():
    s = socket.socket()
    s.setsockopt(socket.IPPROTO_IP, 51, struct.pack("=HH", 40000, 40003))
    s.bind(("127.0.0.1", 0))
    print(40000 <= s.getsockname()[1] <= 40003)
    listener = socket.create_server(("127.0.0.1", 0))
    used = []
    for _ in range(3):
        c = socket.socket()
        c.setsockopt(socket.IPPROTO_IP, 51, struct.pack("=HH", 41000, 41002))
        c.connect(listener.getsockname())
        used.append(c)
    print(sorted(c.getsockname()[1] for c in used))
    c = socket.socket()
    c.setsockopt(socket.IPPROTO_IP, 51, struct.pack("=HH", 41000, 41002))
    attempt("full", lambda: c.connect(listener.getsockname()))


def messages():
    a, b = pair()
    b.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS_NEW, 1)
    b.setsockopt(socket.SOL_SOCKET, SO_RCVMARK, 1)
    b.setsockopt(socket.IPPROTO_IP, 20, 1)
    a.send(b"x")
    data, control, _, _ = b.recvmsg(20, 500)
    for level, kind, value in control:
        value = (
            value
            if level != socket.IPPROTO_IP
            else (value[:2], value[2:4] == struct.pack("!H", b.getsockname()[1]), value[4:])
        )
        print(level, kind, len(value) if kind == SO_TIMESTAMPNS_NEW else value)
    a, b = pair(socket.AF_INET6, "::1")
    for option in (2, 8, 11, 53, 56, 58, 74):
        b.setsockopt(socket.IPPROTO_IPV6, option, 1)
    a.setsockopt(socket.IPPROTO_IPV6, 16, 77)
    a.send(b"x")
    data, control, _, _ = b.recvmsg(20, 500)
    for level, kind, value in control:
        if kind == 74:
            value = (value[:2], value[2:4] == struct.pack("!H", b.getsockname()[1]), value[8:24])
        if kind != 11:
            print(level, kind, value)


def overflow():
    a, b = pair()
    b.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
    b.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4608)
    for _ in range(100):
        a.send(b"x" * 500)
    b.setblocking(False)
    try:
        while True:
            _, control, _, _ = b.recvmsg(600, 100)
            print("first ones", control) if control else None
    except BlockingIOError:
        pass
    a.send(b"last")
    print(*[(level, kind, len(value)) for level, kind, value in b.recvmsg(600, 100)[1]])


def hops():
    a, b = pair(socket.AF_INET6, "::1")
    b.setsockopt(socket.IPPROTO_IPV6, 73, 64)
    a.setsockopt(socket.IPPROTO_IPV6, 16, 63)
    a.send(b"too far")
    a.setsockopt(socket.IPPROTO_IPV6, 16, 64)
    a.send(b"near")
    print(b.recv(20))
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_IP, 21, 65)
    c = socket.socket()
    c.settimeout(0.2)
    attempt("too far", lambda: c.connect(listener.getsockname()))
    a.setsockopt(socket.IPPROTO_IPV6, 62, 1)
    attempt("not to be cut", lambda: a.send(b"x" * 65500))


def unchecked():
    a, b = pair(socket.AF_INET6, "::1")
    a.setsockopt(UDP, NO_CHECK6_TX, 1)
    b.setsockopt(UDP, NO_CHECK6_RX, 1)
    a.send(b"without")
    print(b.recv(20))


def timestamps():
    a, b = pair()
    for first, second in ((29, 35), (35, 29), (63, 35), (64, 29), (35, 64)):
        b.setsockopt(socket.SOL_SOCKET, first, 1)
        b.setsockopt(socket.SOL_SOCKET, second, 1)
        print(first, second, [b.getsockopt(socket.SOL_SOCKET, n) for n in (29, 35, 63, 64)])
        a.send(b"x")
        print([(level, kind, len(value)) for level, kind, value in b.recvmsg(20, 200)[1]])
        b.setsockopt(socket.SOL_SOCKET, second, 0)
        print([b.getsockopt(socket.SOL_SOCKET, n) for n in (29, 35, 63, 64)])


def no_interface():
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        s = socket.socket(socket.AF_INET, kind)
        attempt("tied", lambda: s.setsockopt(socket.SOL_SOCKET, 62, 9999))
        print(s.getsockopt(socket.SOL_SOCKET, 62))
        attempt("negative", lambda: s.setsockopt(socket.SOL_SOCKET, 62, -1))
        attempt("bind", lambda: s.bind(("127.0.0.1", 0)))
        attempt("connect", lambda: s.connect(("127.0.0.1", 9)))
        attempt("send", lambda: s.sendto(b"x", 0, ("127.0.0.1", 9)))


for part in (no_interface, segments, peeking, ports, messages, overflow, hops, unchecked, timestamps):
    print("--", part.__name__)
    part()

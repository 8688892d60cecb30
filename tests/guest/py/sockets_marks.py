"""SO_MARK, SO_PRIORITY and IP_TRANSPARENT: values, errors, who may set them, and what a transparent socket may bind to."""

import errno
import os
import socket

IP_TRANSPARENT = 19
IPV6_TRANSPARENT = 75
SOL_IPV6 = 41
KINDS = [
    ("tcp4", socket.AF_INET, socket.SOCK_STREAM),
    ("udp4", socket.AF_INET, socket.SOCK_DGRAM),
    ("tcp6", socket.AF_INET6, socket.SOCK_STREAM),
    ("udp6", socket.AF_INET6, socket.SOCK_DGRAM),
]
OPTIONS = [
    ("mark", socket.SOL_SOCKET, socket.SO_MARK, (0, 5, -1)),
    ("priority", socket.SOL_SOCKET, socket.SO_PRIORITY, (0, 6, 7)),
    ("transparent4", socket.SOL_IP, IP_TRANSPARENT, (1, 0, 2)),
    ("transparent6", SOL_IPV6, IPV6_TRANSPARENT, (1, 0, 2)),
]


def attempt(call):
    try:
        return call()
    except OSError as error:
        return errno.errorcode[error.errno]


def options(title):
    for kind, family, sort in KINDS:
        for name, level, number, values in OPTIONS:
            with socket.socket(family, sort) as s:
                seen = [attempt(lambda: s.getsockopt(level, number))]
                for value in values:
                    seen.append(attempt(lambda: s.setsockopt(level, number, value)))
                    seen.append(attempt(lambda: s.getsockopt(level, number)))
                seen.append(attempt(lambda: s.setsockopt(level, number, b"")))
                seen.append(attempt(lambda: s.setsockopt(level, number, b"\1")))
                print(title, kind, name, *seen)


def binding():
    for kind, family, sort in KINDS:
        where = "192.0.2.77" if family == socket.AF_INET else "2001:db8::77"
        level, number = (socket.SOL_IP, IP_TRANSPARENT) if family == socket.AF_INET else (SOL_IPV6, IPV6_TRANSPARENT)
        with socket.socket(family, sort) as s:
            plain = attempt(lambda: s.bind((where, 0)))
            s.setsockopt(level, number, 1)
            print("bind", kind, plain, attempt(lambda: s.bind((where, 0))), s.getsockname()[0])


def inherited():
    with socket.socket() as listener, socket.socket() as client:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 9)
        listener.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        client.connect(listener.getsockname())
        child = listener.accept()[0]
        print("accepted", child.getsockopt(socket.SOL_SOCKET, socket.SO_MARK))
        print("accepted", child.getsockopt(socket.SOL_IP, IP_TRANSPARENT))


options("root")
binding()
inherited()
if os.geteuid() == 0:
    os.seteuid(65534)
options("user")

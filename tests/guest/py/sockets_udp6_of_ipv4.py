"""IPv4 addresses given to AF_INET6 sockets: connect and sendto of UDP, what getaddrinfo makes of them, what a stream says."""

import ctypes
import os
import socket
import struct

libc = ctypes.CDLL(None, use_errno=True)
UNSPEC = bytes(16)


def v4(address: str, port: int = 9) -> bytes:
    return struct.pack("=H", socket.AF_INET) + struct.pack(">H", port) + socket.inet_aton(address) + bytes(8)


def v6(address: str, port: int = 9) -> bytes:
    packed = socket.inet_pton(socket.AF_INET6, address)
    return struct.pack("=H", socket.AF_INET6) + struct.pack(">HI", port, 0) + packed + bytes(4)


def raw(step: str) -> bytes:
    return UNSPEC if step == "u" else v4(step[2:]) if step[0] == "4" else v6(step[2:])


def connect(sock: socket.socket, address: bytes) -> str:
    return "ok" if libc.connect(sock.fileno(), address, len(address)) == 0 else os.strerror(ctypes.get_errno())


def sendto(sock: socket.socket, data: bytes, address: bytes) -> str:
    sent = libc.sendto(sock.fileno(), data, len(data), 0, address, len(address))
    return str(sent) if sent >= 0 else os.strerror(ctypes.get_errno())


def names(sock: socket.socket) -> tuple[str, str]:
    try:
        peer = sock.getpeername()[0]
    except OSError as error:
        peer = error.strerror
    return sock.getsockname()[0], peer


WALKS = (
    ("4:127.0.0.1",),
    ("4:0.0.0.0",),
    ("6:::", "u", "4:0.0.0.0"),
    ("6:::1", "u", "4:127.0.0.1"),
    ("6:::ffff:0.0.0.0",),
    ("6:::ffff:127.0.0.1", "u", "6:::1"),
    ("6:::ffff:127.0.0.1", "u", "4:127.0.0.1"),
    ("4:127.0.0.1", "4:127.0.0.2"),
    ("4:127.0.0.1", "u", "6:::1"),
    ("4:255.255.255.255",),
)


def walk(kind: int, only: int, steps: tuple[str, ...]) -> None:
    with socket.socket(socket.AF_INET6, kind) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
        for step in steps:
            print(kind, only, step, connect(sock, raw(step)), *names(sock))


for only in (0, 1):
    for steps in WALKS:
        walk(socket.SOCK_DGRAM, only, steps)
    walk(socket.SOCK_STREAM, only, ("4:127.0.0.1",))

with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
    print("short", connect(sock, v4("127.0.0.1")[:15]), connect(sock, v4("127.0.0.1")[:2]), connect(sock, b"\2"))

with (
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
    socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock,
):
    server.bind(("127.0.0.1", 0))
    port = server.getsockname()[1]
    print("sendto", sendto(sock, b"hello", v4("127.0.0.1", port)), server.recv(9))
    print("sendto ::", sendto(sock, b"any", v4("0.0.0.0", port)), server.recv(9))
    print("short", sendto(sock, b"x", v4("127.0.0.1", port)[:15]), sendto(sock, b"x", v4("127.0.0.1", 0)))
    print("connected", connect(sock, v4("127.0.0.1", port)), sock.send(b"more"), server.recvfrom(9)[0])
    print("peer", sock.getpeername()[0], server.sendto(b"back", ("127.0.0.1", sock.getsockname()[1])), sock.recv(9))

with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    print("v6only", sendto(sock, b"x", v4("127.0.0.1", 9)))

print([one[4][0] for one in socket.getaddrinfo(None, 80, 0, socket.SOCK_STREAM, 0, socket.AI_PASSIVE)])

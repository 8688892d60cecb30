# admin
"""What sock_diag(7) tells of netlink sockets, by what is asked for, and what it refuses. The kernel's own are left out."""

import ctypes
import os
import socket
import struct

LIBC = ctypes.CDLL(None, use_errno=True)
assert LIBC.unshare(0x40000000) == 0, ctypes.get_errno()
route = socket.socket(16, 3, 0); route.bind((0, 5))
second = socket.socket(16, 2, 0); second.bind((77, 0)); second.setsockopt(270, 3, 1); second.setsockopt(270, 5, 1)
joined = socket.socket(16, 3, 0); joined.setsockopt(270, 1, 33)
unbound = socket.socket(16, 3, 0)
event = socket.socket(16, 3, 15); event.bind((0, 1)); event.setsockopt(270, 4, 1); event.setsockopt(270, 10, 1); event.setsockopt(270, 11, 1)
generic = socket.socket(16, 3, 16); generic.connect((78, 4))
NAMES = {os.fstat(value.fileno()).st_ino: name for name, value in list(globals().items()) if isinstance(value, socket.socket)}


def ask(body, flags=0x301):
    diag = socket.socket(16, 3, 4)
    diag.send(struct.pack("IHHII", 16 + len(body), 20, flags, 7, 0) + body)
    out = []
    while True:
        m = diag.recv(65536)
        at = 0
        while at < len(m):
            n, kind = struct.unpack_from("IH", m, at)
            if kind in (2, 3):
                print(*sorted(out), f"type {kind} {m[at + 16 : at + 20].hex()}", sep="\n")
                return
            body = m[at + 16 : at + n]
            family, how, protocol, state, port, peer, group, inode, *cookie = struct.unpack_from("BBBBIIIIII", body)
            attributes = []
            x = 28
            while x < len(body):
                l, k = struct.unpack_from("HH", body, x)
                attributes.append((k, body[x + 4 : x + l].hex()))
                x += (l + 3) & ~3
            if inode in NAMES or port:
                name = NAMES.get(inode, "asks")
                own = "pid" if port == os.getpid() else port if port < 1 << 31 else "negative"
                out.append(f"{name} {family} {how} {protocol} {state} {own} {peer} {group} {any(cookie)} {len(attributes) if name == 'asks' and attributes and attributes[0][0] == 0 else attributes}")
            at += (n + 3) & ~3


def request(protocol, show):
    return struct.pack("BBHIIII", 16, protocol, 0, 0, show, 0, 0)


for protocol, show in ((255, 0), (0, 2), (255, 2), (255, 8), (15, 10), (0, 1), (3, 0), (31, 0), (32, 0)):
    print(protocol, show)
    ask(request(protocol, show))
ask(request(255, 0), 1)
ask(b"\x10\xff\0\0")

# admin
"""What sock_diag(7) tells of packet sockets, by what is asked for, and what it refuses."""

import ctypes
import os
import socket
import struct
import subprocess

LIBC = ctypes.CDLL(None, use_errno=True)
assert LIBC.unshare(0x40000000) == 0, ctypes.get_errno()
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
a = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
b = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x800)); b.bind(("lo", 0x800)); b.setsockopt(263, 8, 1); a.setsockopt(263, 9, 1)
b.setsockopt(263, 1, struct.pack("iHH8s", 1, 1, 0, b""))
c = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
f = struct.pack("HBBI", 6, 0, 0, 1)
buf = ctypes.create_string_buffer(f); c.setsockopt(1, 26, struct.pack("HxxxxxxP", 1, ctypes.addressof(buf)))
def ask(body, flags=0x301):
    d = socket.socket(16, 3, 4)
    d.send(struct.pack("IHHII", 16 + len(body), 20, flags, 7, 0) + body)
    out = []
    while True:
        m = d.recv(65536); at = 0
        while at < len(m):
            n, t, fl, s, p = struct.unpack_from("IHHII", m, at)
            if t in (2, 3): print("type", t, m[at+16:at+20].hex()); return
            body = m[at+16:at+n]; fam, kind, num, ino = struct.unpack_from("BBHI", body)
            print("sock", fam, kind, hex(num), [k for k, s in (("a", a), ("b", b), ("c", c)) if os.fstat(s.fileno()).st_ino & 0xffffffff == ino])
            x = 16
            while x < len(body):
                l, k = struct.unpack_from("HH", body, x); print("  ", k, body[x+4:x+l].hex()); x += (l + 3) & ~3
            at += (n + 3) & ~3
        if not flags & 0x300: return
for show in (0, 1, 2, 3, 32, 64): print("show", show); ask(struct.pack("BBHIIII", 17, 0, 0, 0, show, 0, 0))
ask(struct.pack("BBHIIII", 17, 3, 0, 0, 1, 0, 0)); ask(struct.pack("BBHIIII", 17, 0, 0, 0, 1, 0, 0), 1); ask(b"\x11\0\0\0"); ask(b"\x11\0\0\0", 1)

c.close()
ask(struct.pack("BBHIIII", 17, 0, 0, 0, 16, 0, 0))

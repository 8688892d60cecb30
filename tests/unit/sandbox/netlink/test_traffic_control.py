"""Requests of tc(8) that are damaged: an errno or an acknowledgement, never an exception, and packets pass by whatever has come of it."""

from __future__ import annotations

import random
import struct
from typing import Any

import pytest

from sandbox.sockets.netlink.family import NetlinkFamily
from sandbox.sockets.netlink.socket import NetlinkSocket
from sandbox.vfs.file_description import WOULD_BLOCK
from tcpip.buffer import RxPacket, TxPacket
from tests.unit.sandbox.inet.fakes import FakeTask

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class

REQUEST, ACK, CREATE, EXCL, REPLACE, DUMP = 1, 4, 0x400, 0x200, 0x100, 0x300
NEWQDISC, NEWCLASS, DELCLASS, GETCLASS, NEWFILTER, DELFILTER, GETFILTER = 36, 40, 41, 42, 44, 45, 46
ROOT, INGRESS = 0xFFFFFFFF, 0xFFFFFFF1
ETH = 2


def attr(kind: int, value: bytes) -> bytes:
    return struct.pack("<HH", len(value) + 4, kind) + value + bytes(-len(value) & 3)


def tc(handle: int, parent: int, info: int, kind: bytes, options: bytes) -> bytes:
    return struct.pack("<BxxxiIII", 0, ETH, handle, parent, info) + attr(1, kind + b"\0") + attr(2, options)


def word(kind: int, value: int) -> bytes:
    return attr(kind, struct.pack("<I", value))


RATE = struct.pack("<BBHhHI", 0, 1, 0, 0, 0, 1_000_000)
CLASS = attr(1, RATE + RATE + struct.pack("<5I", 10000, 10000, 0, 0, 0))
SELECTOR = bytes([1, 0, 1, 0]) + bytes(12) + struct.pack(">II", 0xFF, 0x11) + struct.pack("<ii", 8, 0)
GACT = attr(1, attr(1, b"gact\0") + attr(2, attr(2, struct.pack("<IIiii", 0, 0, 0, 0, 0))))
POLICE = attr(1, struct.pack("<IiIII", 0, 2, 0, 1000, 0) + RATE + bytes(24)) + attr(2, bytes(1024))
MIRRED = attr(1, attr(1, b"mirred\0") + attr(2, attr(2, struct.pack("<IIiiiiI", 0, 0, 3, 0, 0, 2, 1))))
IP = 0x0008


def requests() -> list[tuple[int, int, bytes]]:
    """What a well-meaning tc(8) sends."""
    new = REQUEST | ACK | CREATE
    one, two, ffff = 1 << 16, 2 << 16, 0xFFFF0000
    return [
        (NEWQDISC, new | REPLACE, tc(one, ROOT, 0, b"htb", attr(2, struct.pack("<5I", 3, 10, 0x20, 0, 0)))),
        (NEWCLASS, new, tc(one | 1, one, 0, b"htb", CLASS)),
        (NEWCLASS, new, tc(one | 0x10, one | 1, 0, b"htb", CLASS)),
        (NEWCLASS, new, tc(one | 0x20, one | 1, 0, b"htb", CLASS)),
        (NEWFILTER, new, tc(0, one, 5 << 16 | IP, b"u32", attr(5, SELECTOR) + word(1, one | 0x10))),
        (NEWFILTER, new, tc(7 << 20, one, 5 << 16 | IP, b"u32", word(4, 16))),
        (NEWFILTER, new, tc(0, one, 5 << 16 | IP, b"u32", attr(5, SELECTOR) + word(2, 7 << 20) + attr(7, GACT))),
        (NEWFILTER, new, tc(0, one, 5 << 16 | IP, b"u32", attr(5, SELECTOR) + word(3, 7 << 20))),
        (NEWFILTER, new, tc(5, one, 6 << 16 | IP, b"fw", word(1, one | 0x20) + attr(4, GACT))),
        (NEWFILTER, new, tc(0, one | 1, 7 << 16 | IP, b"matchall", word(1, one | 0x10) + attr(2, GACT))),
        (NEWQDISC, new, tc(two, one | 0x10, 0, b"prio", struct.pack("<i16B", 3, *([1] * 16)))),
        (NEWFILTER, new, tc(0, two, 7 << 16 | IP, b"u32", attr(5, SELECTOR) + attr(6, POLICE) + word(1, two | 1))),
        (NEWQDISC, new, tc(ffff, INGRESS, 0, b"clsact", b"")),
        (NEWFILTER, new, tc(0, ffff | 0xFFF2, 7 << 16 | IP, b"matchall", attr(2, MIRRED))),
        (NEWFILTER, new, tc(0, ffff | 0xFFF3, 7 << 16 | IP, b"u32", attr(5, SELECTOR) + attr(7, MIRRED))),
        (GETCLASS, REQUEST | DUMP, tc(0, 0, 0, b"", b"")),
        (GETFILTER, REQUEST | DUMP, tc(0, one, 0, b"", b"")),
        (GETFILTER, REQUEST | DUMP, tc(0, ffff | 0xFFF2, 0, b"", b"")),
        (DELFILTER, REQUEST | ACK, tc(0, one, 5 << 16 | IP, b"u32", b"")),
        (DELCLASS, REQUEST | ACK, tc(one | 0x20, 0, 0, b"htb", b"")),
    ]


def drain(t: Any, sock: NetlinkSocket) -> list[bytes]:
    found, buffer = [], memoryview(bytearray(65536))
    while (count := sock.recvmsg(t, buffer, 0, None)) != WOULD_BLOCK:
        found.append(bytes(buffer[:count]))
    return found


def damaged(body: bytes, chance: random.Random) -> bytes:
    raw = bytearray(body)
    for _ in range(chance.choice((0, 0, 1, 1, 2, 5))):
        at = chance.randrange(8, len(raw))
        raw[at] = chance.choice((0, 1, 0xFF, raw[at] ^ 1 << chance.randrange(8), chance.randrange(256)))
    return bytes(raw[: chance.randrange(8, len(raw))]) if chance.random() < 0.05 else bytes(raw)


def pass_packets(t: Any) -> None:
    stack = t.kernel.net.stack
    nic = stack.nics[ETH]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 17, 0) + bytes((10, 0, 0, 9, 10, 0, 0, 8))
    frame = nic.mac + b"\2\0\0\0\0\1\x08\0" + ip + bytes(20)
    stack.deliver(nic, [RxPacket(frame, link=0)])
    out = TxPacket(frame[:42], [frame[42:]], len(frame) - 42)
    out.network, out.transport, out.ethertype = 14, 34, 0x800
    nic.enqueue(out, b"")
    stack.flush()
    stack.run_timers()


@pytest.mark.parametrize("seed", range(12))
def test_damaged_requests(seed: int) -> None:
    t: Any = FakeTask()
    sock = NetlinkFamily().create(t, 3, 0)
    assert isinstance(sock, NetlinkSocket)
    chance = random.Random(seed)
    good = 0
    for turn in range(400):
        kind, flags, body = chance.choice(requests()) if turn >= 20 else requests()[turn]
        body = damaged(body, chance) if turn >= 20 else body
        header = struct.pack("<IHHII", 16 + len(body), kind, flags, turn, 0)
        sock.sendmsg(t, memoryview(header + body), b"", 0, [])
        answers = drain(t, sock)
        assert answers, (kind, body.hex())
        good += struct.unpack_from("<Hxx4x4xi", answers[-1], 4) in ((2, 0), (3, 0))
        pass_packets(t)
    assert good > 60, "most of what is not damaged is done"

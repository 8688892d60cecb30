"""What sockets do with multicast groups and a router asks, for the host's kernel and for a stack of ours alike.

`python -m tests.integration.tcpip.group_scenarios NAME NUMBER` does it with the kernel, at a tap of that number that is there:
one line of JSON a step, its name and the frames that left.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from typing import Protocol

A, B, C = "10.1.0.1", "10.1.0.2", "10.1.0.3"
A6, B6 = "2001:db8:1::a", "2001:db8:1::b"
G, H, G6 = "232.1.1.1", "239.1.1.2", "ff35::1:1"
ADD, DROP, BLOCK, UNBLOCK, JOIN, LEAVE, FILTER = 39, 40, 38, 37, 35, 36, 41
JOIN6, BLOCK6, ADD6, DROP6, FILTER6 = 20, 43, 46, 47, 48
STEP = 1.3
"""Seconds: longer than both reports of a change take."""


class Socket(Protocol):
    """What both sides have of one."""

    def setsockopt(self, level: int, name: int, value: bytes, /) -> None: ...

    def close(self) -> None: ...


class Side(Protocol):
    """The kernel, or a stack. `number` is the third byte of its address 10.9.N.2, `index` its interface's."""

    number: int
    index: int

    def socket(self, family: int) -> Socket: ...

    def inject(self, frame: bytes) -> None: ...

    def drain(self, seconds: float) -> list[bytes]: ...


Step = tuple[str, Callable[[], object]]


def packed(*addresses: str) -> bytes:
    """IPv4 addresses one after the other."""
    return b"".join(map(socket.inet_aton, addresses))


def packed6(address: str) -> bytes:
    """An IPv6 address."""
    return socket.inet_pton(socket.AF_INET6, address)


def storage(address: str) -> bytes:
    """struct sockaddr_storage."""
    return struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, packed6(address), 0).ljust(128, b"\0")


def sum16(data: bytes) -> int:
    """The internet checksum."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Doer:
    """The calls of scenarios."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.local = f"10.9.{side.number}.2"

    def source(self, s: Socket, name: int, addr: str, group: str = G) -> None:
        s.setsockopt(0, name, packed(group, self.local, addr))

    def group(self, s: Socket, name: int = JOIN, group: str = G) -> None:
        s.setsockopt(0, name, packed(group, self.local))

    def whole(self, s: Socket, include: int, *sources: str) -> None:
        s.setsockopt(0, FILTER, packed(G, self.local) + struct.pack("=II", include, len(sources)) + packed(*sources))

    def source6(self, s: Socket, name: int, addr: str) -> None:
        s.setsockopt(41, name, struct.pack("=I4x", self.side.index) + storage(G6) + storage(addr))

    def group6(self, s: Socket) -> None:
        s.setsockopt(41, JOIN6, packed6(G6) + struct.pack("=i", self.side.index))

    def whole6(self, s: Socket, include: int, *sources: str) -> None:
        head = struct.pack("=I4x", self.side.index) + storage(G6) + struct.pack("=II", include, len(sources))
        s.setsockopt(41, FILTER6, head + b"".join(map(storage, sources)))

    def query(self, group: str, *sources: str) -> None:
        """Of IGMPv3, to be answered within 0.3 s."""
        body = bytes((0x11, 3, 0, 0)) + packed(group) + struct.pack("!BBH", 2, 125, len(sources)) + packed(*sources)
        body = body[:2] + struct.pack("!H", sum16(body)) + body[4:]
        dst = packed("224.0.0.1" if group == "0.0.0.0" else group)
        head = struct.pack("!BBHHHBBH", 0x46, 0xC0, 24 + len(body), 0, 0, 1, 2, 0)
        head += packed(f"10.9.{self.side.number}.1") + dst + b"\x94\4\0\0"
        head = head[:10] + struct.pack("!H", sum16(head)) + head[12:]
        mac = b"\1\0\x5e" + bytes((dst[1] & 127,)) + dst[2:]
        self.side.inject(mac + b"\2\0\0\0\0\x99\x08\0" + head + body)

    def query6(self, *sources: str) -> None:
        """The same of MLDv2."""
        src, dst = packed6("fe80::99"), packed6(G6)
        body = struct.pack("!BBHHH", 130, 0, 0, 300, 0) + dst + struct.pack("!BBH", 2, 125, len(sources))
        body += b"".join(map(packed6, sources))
        value = sum16(src + dst + struct.pack("!II", len(body), 58) + body)
        body = body[:2] + struct.pack("!H", value) + body[4:]
        head = struct.pack("!IHBB", 6 << 28, 8 + len(body), 0, 1) + src + dst + bytes((58, 0, 5, 2, 0, 0, 1, 0))
        self.side.inject(b"\x33\x33" + dst[12:] + b"\2\0\0\0\0\x99\x86\xdd" + head + body)


def sources(do: Doer) -> Iterator[Step]:
    """One socket, and what routers ask."""
    a = do.side.socket(socket.AF_INET)
    yield "add A", lambda: do.source(a, ADD, A)
    yield "add B", lambda: do.source(a, ADD, B)
    yield "asked for all", lambda: do.query("0.0.0.0")
    yield "asked for B and C", lambda: do.query(G, B, C)
    yield "asked for C", lambda: do.query(G, C)
    yield "asked for the group", lambda: do.query(G)
    yield "asked for A, then for B", lambda: (do.query(G, A), do.query(G, B))
    yield "drop A", lambda: do.source(a, DROP, A)
    yield "drop B", lambda: do.source(a, DROP, B)
    yield "all of another", lambda: do.group(a, JOIN, H)
    yield "no, A of it", lambda: do.source(a, ADD, A, H)
    yield "close", a.close


def merging(do: Doer) -> Iterator[Step]:
    """Two sockets of different mind."""
    a, b = do.side.socket(socket.AF_INET), do.side.socket(socket.AF_INET)
    yield "add A", lambda: do.source(a, ADD, A)
    yield "another takes all", lambda: do.group(b)
    yield "but not A", lambda: do.source(b, BLOCK, A)
    yield "and not B", lambda: do.source(b, BLOCK, B)
    yield "and not C", lambda: do.source(b, BLOCK, C)
    yield "asked for C", lambda: do.query(G, C)
    yield "asked for A", lambda: do.query(G, A)
    yield "C again", lambda: do.source(b, UNBLOCK, C)
    yield "the first wants B, too", lambda: do.source(a, ADD, B)
    yield "asked for all", lambda: do.query("0.0.0.0")
    yield "the second leaves", lambda: do.group(b, LEAVE)
    yield "close the first", a.close


def replacing(do: Doer) -> Iterator[Step]:
    """Whole filters."""
    a, b = do.side.socket(socket.AF_INET), do.side.socket(socket.AF_INET)
    yield "both take all", lambda: (do.group(a), do.group(b))
    yield "the first includes", lambda: do.whole(a, 1, A, C)
    yield "the second excludes", lambda: do.whole(b, 0, A, B)
    yield "the second includes", lambda: do.whole(b, 1, B)
    yield "other sources", lambda: do.whole(a, 1, C, B)
    yield "the first excludes", lambda: do.whole(a, 0, B, C)
    yield "others", lambda: do.whole(a, 0, C, A)
    yield "and none", lambda: do.whole(a, 0)
    yield "the first leaves", lambda: do.whole(a, 1)
    yield "close the second", b.close


def version6(do: Doer) -> Iterator[Step]:
    """IPv6."""
    a, b = do.side.socket(socket.AF_INET6), do.side.socket(socket.AF_INET6)
    yield "add A", lambda: do.source6(a, ADD6, A6)
    yield "add B", lambda: do.source6(a, ADD6, B6)
    yield "asked for B", lambda: do.query6(B6)
    yield "asked for the group", lambda: do.query6()
    yield "drop A", lambda: do.source6(a, DROP6, A6)
    yield "another takes all", lambda: do.group6(b)
    yield "but not B", lambda: do.source6(b, BLOCK6, B6)
    yield "but not A", lambda: do.source6(b, BLOCK6, A6)
    yield "asked for A", lambda: do.query6(A6)
    yield "the first replaces", lambda: do.whole6(a, 1, A6, B6)
    yield "close the second", b.close
    yield "close the first", a.close


SCENARIOS: dict[str, Callable[[Doer], Iterator[Step]]] = {
    "sources": sources,
    "merging": merging,
    "replacing": replacing,
    "version6": version6,
}


def run(name: str, side: Side) -> Iterator[tuple[str, list[bytes]]]:
    """The steps of a scenario, with what left in each."""
    for step, act in SCENARIOS[name](Doer(side)):
        side.drain(0)
        act()
        yield step, side.drain(STEP)


class Kernel:
    """The host's, whose interface is tapN."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.tap, 0x400454CA, struct.pack("16sH14x", b"tap%d" % number, 0x1002))
        self.index = socket.if_nametoindex(f"tap{number}")
        self.drain(STEP)

    def socket(self, family: int) -> Socket:
        return socket.socket(family, socket.SOCK_DGRAM)  # type: ignore[return-value]

    def inject(self, frame: bytes) -> None:
        os.write(self.tap, frame)

    def drain(self, seconds: float) -> list[bytes]:
        """Frames that leave within that time."""
        end = time.monotonic() + seconds
        frames = []
        while True:
            if select.select([self.tap], [], [], max(end - time.monotonic(), 0))[0]:
                frames.append(os.read(self.tap, 65536))
            elif time.monotonic() >= end:
                return frames


if __name__ == "__main__":
    for done, left in run(sys.argv[1], Kernel(int(sys.argv[2]))):
        print(json.dumps([done, [frame.hex() for frame in left]]), flush=True)

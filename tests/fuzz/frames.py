"""`nic.deliver` of a host that does a bit of everything: frames as they come, or repaired so that they get further in."""

from __future__ import annotations

import struct
import sys

from tcpip.addr import AF_INET, AF_INET6, IPV6_ANY, SockAddr, parse
from tcpip.buffer import RxPacket
from tcpip.checksum import checksum
from tcpip.config.dhcp_client import DhcpClient
from tcpip.errors import NetworkError
from tcpip.header.ethernet import TYPE_ARP, TYPE_IPV4, TYPE_IPV6
from tcpip.sockopt import SOCK_DGRAM, SOCK_RAW, SOCK_STREAM
from tcpip.transport.endpoint import Endpoint
from tests.unit.tcpip.bench import IP4, IP6, MAC, PEER4, PEER6, PEER_MAC, Host

from .cursor import Cursor

PORT = 80
GROUP = parse("224.1.2.3")
REUSE = 200
"""So many inputs share one host: making one costs more than an input."""
MILLION = 1_000_000
_TYPES = (TYPE_IPV4, TYPE_IPV6, TYPE_ARP)
_PROTOCOLS = (6, 17, 1, 58, 2, 44, 0, 43, 60, 255)


class Target:
    """The host and the endpoints that its applications hold. `journal` is all that it got, one input after the other."""

    def __init__(self) -> None:
        host = self.host = Host()
        stack = host.stack
        host.nic.accept_ra = True
        stack.forwarding = stack.forwarding_v6 = True
        self.endpoints: list[Endpoint] = []
        for family, kind, protocol in (
            (AF_INET6, SOCK_STREAM, 0),
            (AF_INET6, SOCK_DGRAM, 0),
            (AF_INET, SOCK_RAW, 1),
            (AF_INET6, SOCK_RAW, 58),
            (AF_INET, SOCK_DGRAM, 1),
        ):
            endpoint = stack.new_endpoint(family, kind, protocol)
            if protocol == 0:
                endpoint.bind(SockAddr(IPV6_ANY, PORT))
            if kind == SOCK_STREAM:
                endpoint.listen(4)
            self.endpoints.append(endpoint)
        active = stack.new_endpoint(AF_INET, SOCK_STREAM)
        active.bind(SockAddr(IP4, 4000))
        try:
            active.connect(SockAddr(PEER4, PORT))
        except NetworkError:
            pass
        self.endpoints.append(active)
        host.nic.join_group(GROUP)
        self.client = DhcpClient(host.nic)
        self.client.start()
        host.frames()
        self.journal = bytearray()
        self.inputs = 0
        self.frames = 0
        self._buffer = memoryview(bytearray(70000))

    def run(self, data: bytes) -> None:
        """Records of (kind, length, frame)."""
        self.journal += data
        cursor = Cursor(data)
        while cursor:
            kind = cursor.number()
            frame = self._frame(kind, cursor.take(cursor.number(2) % 2048))
            self.host.nic.deliver([RxPacket(frame, kind % 3, *self._gso(kind, cursor))])
            self.frames += 1
            if kind & 0x40:
                self.host.pass_time(cursor.number() / 16)
        self._applications()
        self.inputs += 1

    @staticmethod
    def _gso(kind: int, cursor: Cursor) -> tuple[int, int]:
        return (cursor.number() % 8, cursor.number(2)) if kind & 0x80 else (0, 0)

    def _frame(self, kind: int, frame: bytes) -> bytes:
        """As it is, or with headers that let it pass the first checks: bits 2 to 4."""
        form = kind >> 2 & 7
        if form == 0:
            return frame
        ethertype = _TYPES[form % 3]
        if ethertype == TYPE_IPV4:
            protocol = _PROTOCOLS[frame[0] % len(_PROTOCOLS)] if frame else 6
            fragment = struct.unpack("!H", frame[1:3])[0] if form > 3 and len(frame) > 2 else 0
            body = frame[3:]
            head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 7, fragment, 64, protocol, 0, PEER4, IP4)
            frame = head[:10] + checksum(head).to_bytes(2, "big") + head[12:] + body
        elif ethertype == TYPE_IPV6:
            protocol = _PROTOCOLS[frame[0] % len(_PROTOCOLS)] if frame else 6
            hops = 255 if form > 3 else 64
            frame = struct.pack("!IHBB16s16s", 6 << 28, len(frame[1:]), protocol, hops, PEER6, IP6) + frame[1:]
        return MAC + PEER_MAC + ethertype.to_bytes(2, "big") + frame

    def _applications(self) -> None:
        """Everybody reads, accepts and looks; nothing is kept."""
        for endpoint in self.endpoints:
            endpoint.readiness()
            endpoint.take_error()
            try:
                endpoint.recvmsg(self._buffer)
            except NetworkError:
                pass
        try:
            self.endpoints[0].accept().close()
        except NetworkError:
            pass
        self.host.frames()
        assert self.size() < 4096

    def size(self) -> int:
        """How many things of a peer's making the stack keeps."""
        stack, nic = self.host.stack, self.host.nic
        return len(nic.neighbors.entries) + len(nic.addresses) + len(stack.routes.entries) + len(stack.timers)


class Frames:
    """The fuzz target. After a failure the message names an input that does it from the start.

    An input holds any number of frames, each a `deliver` of its own: every million of them is told of."""

    def __init__(self) -> None:
        self.target = Target()
        self.frames = 0

    def __call__(self, data: bytes) -> None:
        if self.target.inputs >= REUSE:
            self._another()
        target = self.target
        try:
            target.run(data)
        except Exception as error:
            self._another()
            raise AssertionError(f"after {bytes(target.journal).hex()}") from error

    def _another(self) -> None:
        before = self.frames // MILLION
        self.frames += self.target.frames
        if self.frames // MILLION > before:
            print(f"frames delivered: {self.frames // MILLION} million", file=sys.stderr)
        self.target = Target()

"""What a transport protocol is to the stack, and what the stack hands it."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from tcpip.buffer import CSUM_NONE, RxPacket
from tcpip.checksum import partial_sum
from tcpip.errors import NetError
from tcpip.native import mypyc_attr

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic
    from tcpip.transport.endpoint import Endpoint


class IcmpError:
    """An ICMP error about a packet that we sent.

    `src`, `dst` are that packet's (src is ours); `quoted` is what came back of it from its transport header on,
    at least 8 bytes. `hard` as RFC 1122 4.2.3.9 has it. `mtu` > 0 for fragmentation needed / packet too big.
    `skipped` bytes were quoted before that, and the quoted packet is `original` bytes long when the message says so, with
    extensions behind it (RFC 4884). `ttl` and `tos` are those of the message's own header, -1 where it was none. `key` is how the connection's incoming packets are looked up: (dst, src, dport, sport).
    """

    __slots__ = (
        "error",
        "hard",
        "icmp_type",
        "code",
        "mtu",
        "src",
        "dst",
        "protocol",
        "quoted",
        "offender",
        "nic",
        "skipped",
        "original",
        "ttl",
        "tos",
    )

    def __init__(
        self,
        error: NetError,
        hard: bool,
        icmp_type: int,
        code: int,
        mtu: int,
        src: bytes,
        dst: bytes,
        protocol: int,
        quoted: bytes,
        offender: bytes,
        nic: Nic,
        skipped: int = 0,
        original: int = 0,
    ) -> None:
        self.ttl = self.tos = -1
        self.skipped = skipped
        self.original = original
        self.error = error
        self.hard = hard
        self.icmp_type = icmp_type
        self.code = code
        self.mtu = mtu
        self.src = src
        self.dst = dst
        self.protocol = protocol
        self.quoted = quoted
        self.offender = offender
        self.nic = nic

    @property
    def key(self) -> bytes:
        quoted = self.quoted
        return self.dst + self.src + quoted[2:4] + quoted[0:2]

    @property
    def local_port(self) -> int:
        return (self.quoted[0] << 8) | self.quoted[1]

    @property
    def remote_port(self) -> int:
        return (self.quoted[2] << 8) | self.quoted[3]


class PacketHandler:
    """What the demultiplexer finds: an endpoint, or a small stand-in such as a TIME_WAIT record."""

    __slots__ = ()

    @abstractmethod
    def handle_packet(self, pkt: RxPacket) -> None:
        """A packet for this endpoint; network header checked, transport header not yet read."""

    def is_transparent(self) -> bool:
        """IP_TRANSPARENT is set."""
        return False

    @abstractmethod
    def handle_error(self, error: IcmpError) -> None:
        """An ICMP error about a packet that this endpoint sent."""

    def expects_error(self, error: IcmpError) -> bool:
        """What the error quotes can be a packet of ours that is still under way (RFC 5927 4.1)."""
        return True


@mypyc_attr(allow_interpreted_subclasses=True)
class TransportProtocol:
    """One protocol above IP. The stack has one object of each, found by `number`."""

    number: int

    @abstractmethod
    def deliver(self, pkt: RxPacket) -> None:
        """A whole packet to one of our addresses. Bad ones are counted and dropped, nothing is raised."""

    @abstractmethod
    def deliver_error(self, error: IcmpError) -> None:
        """An ICMP error that quotes a packet of this protocol."""

    def expects_error(self, error: IcmpError) -> bool:
        """Asked before a reported path MTU is believed: did we send what the error quotes?"""
        return True

    @abstractmethod
    def new_endpoint(self, family: int) -> Endpoint:
        """A fresh endpoint of AF_INET or AF_INET6."""


def transport_checksum_ok(pkt: RxPacket) -> bool:
    """The checksum over pseudo-header and data[transport:end] holds, or the link vouches for it."""
    if pkt.csum != CSUM_NONE:
        return True
    start = pkt.transport
    total = partial_sum(pkt.src) + partial_sum(pkt.dst) + pkt.protocol + pkt.end - start
    return (total + partial_sum(memoryview(pkt.data)[start : pkt.end])) % 0xFFFF == 0

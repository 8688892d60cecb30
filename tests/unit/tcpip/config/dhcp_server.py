"""A DHCP server made of bytes, at the other end of a host's channel."""

from __future__ import annotations

from tcpip.addr import IPV4_ANY, IPV4_BROADCAST, MAC_BROADCAST, parse
from tcpip.config.dhcp_client import DhcpClient
from tcpip.header import dhcp as wire
from tcpip.header.dhcp import DhcpMessage
from tests.unit.tcpip.bench import MAC, PEER_MAC, Host, udp_datagram

SERVER = parse("192.0.2.1")
LEASED = parse("192.0.2.77")


class Bench:
    """A host without an IPv4 address on eth0, its client, and what the client has sent."""

    def __init__(self, remembered: bytes = b"", **settings: str) -> None:
        self.host = Host(ipv6=False)
        self.host.nic.remove_address(parse("10.0.0.1"))
        self.client = DhcpClient(self.host.nic, remembered=remembered, **settings)
        self.changes: list[bytes] = []
        self.client.on_change = self._changed
        self.headers: list[tuple[bytes, bytes, bytes]] = []
        self.client.start()

    def _changed(self) -> None:
        self.changes.append(self.client.lease.addr if self.client.lease is not None else b"")

    def sent(self) -> list[DhcpMessage]:
        """Messages since the last time; `headers` has (MAC, source, destination) of each."""
        out = []
        for frame in self.host.frames():
            if frame[12:14] == b"\x08\0" and frame[23] == 17 and frame[36:38] == b"\0\x43":
                assert frame[34:36] == b"\0\x44"
                self.headers.append((frame[:6], frame[26:30], frame[30:34]))
                out.append(DhcpMessage.parse(frame[42:]))
        return out

    def one(self, kind: int) -> DhcpMessage:
        (message,) = self.sent()
        assert message.message_type() == kind and message.chaddr == MAC and message.op == wire.BOOTREQUEST
        return message

    def answer(self, asked: DhcpMessage, kind: int, options: dict[int, bytes] | None = None, **fields: object) -> None:
        """What the server says to `asked`; an option of None is left out."""
        values = {wire.OPTION_MESSAGE_TYPE: bytes((kind,)), wire.OPTION_SERVER_ID: SERVER}
        if kind != wire.NAK:
            values[wire.OPTION_LEASE_TIME] = (1000).to_bytes(4, "big")
            values[wire.OPTION_SUBNET_MASK] = b"\xff\xff\xff\0"
            values[wire.OPTION_ROUTER] = SERVER
        values |= options or {}
        reply = DhcpMessage(wire.BOOTREPLY, asked.xid, MAC, {n: v for n, v in values.items() if v is not None})
        reply.yiaddr = IPV4_ANY if kind == wire.NAK else LEASED
        for name, value in fields.items():
            setattr(reply, name, value)
        self.raw(reply.to_bytes())

    def raw(self, body: bytes) -> None:
        """A datagram to the client's port."""
        dst = IPV4_BROADCAST
        self.host.ipv4(udp_datagram(body, 67, 68, SERVER, dst), 17, MAC_BROADCAST, src=SERVER, dst=dst)

    def bind(self, options: dict[int, bytes] | None = None) -> None:
        """DISCOVER to BOUND."""
        self.answer(self.one(wire.DISCOVER), wire.OFFER, options)
        self.answer(self.one(wire.REQUEST), wire.ACK, options)
        self.host.pass_time(9)
        assert self.client.lease is not None and self.client.lease.addr == LEASED
        self.host.nic.neighbors.add_permanent(SERVER, PEER_MAC)
        self.sent()
        self.headers.clear()

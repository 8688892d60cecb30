"""Two decoders that are not ours, dpkt and scapy, look at every packet that stacks send in a test.

`watching` is put around a test by conftest.py. What the link would complete or cut is completed and cut first, by
`tcpip.link.offload`. dpkt sees every packet; scapy, which takes a millisecond, one of each shape: protocol, header
lengths, flags or type. Both must agree with each other, and find every checksum right.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import dpkt

from tcpip.buffer import CSUM_PARTIAL, TxPacket
from tcpip.link.offload import complete_checksum, split
from tcpip.stack.nic import Nic

MAX_PACKETS = 2000
"""Of one test; a bulk transfer says the same thing again and again."""


class Seen:
    """Frames of one test: (has an Ethernet header, bytes)."""

    def __init__(self) -> None:
        self.frames: list[tuple[bool, bytes]] = []

    def add(self, nic: Nic, pkt: TxPacket) -> None:
        if len(self.frames) >= MAX_PACKETS or nic.loopback:
            return
        copy = TxPacket(
            bytes(pkt.header), list(pkt.payload), pkt.payload_len, pkt.csum_offset, pkt.gso_type, pkt.gso_size
        )
        copy.network, copy.transport, copy.csum = pkt.network, pkt.transport, pkt.csum
        if copy.gso_size:
            self.frames += [(nic.has_arp, piece.join()) for piece in split(copy)]
            return
        if copy.csum == CSUM_PARTIAL:
            complete_checksum(copy)
        self.frames.append((nic.has_arp, copy.join()))

    def check(self) -> None:
        """AssertionError with the frame."""
        shapes = set()
        for ethernet, frame in self.frames:
            fields = by_dpkt(ethernet, frame)
            if fields is None:
                continue
            shape = tuple(fields.get(name) for name in ("version", "protocol", "header", "flags", "type"))
            if shape not in shapes:
                shapes.add(shape)
                other = by_scapy(ethernet, frame)
                assert fields == other, f"dpkt {fields}\nscapy {other}\n{frame.hex()}"


@contextlib.contextmanager
def watching() -> Iterator[Seen]:
    """Everything that a NIC hands to its link. Nothing where the stack is compiled, and cannot be watched so."""
    seen = Seen()
    if hasattr(Nic, "__mypyc_attrs__"):
        yield seen
        return
    original = Nic.flush

    def flush(nic: Nic) -> None:
        for pkt in nic._tx:
            seen.add(nic, pkt)
        original(nic)

    Nic.flush = flush  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        Nic.flush = original  # type: ignore[method-assign]


def by_dpkt(ethernet: bool, frame: bytes) -> dict[str, Any] | None:
    """The fields, all checksums being right. None for what is neither IP nor whole: ARP is decoded only."""
    if ethernet:
        decoded = dpkt.ethernet.Ethernet(frame)
        if isinstance(decoded.data, dpkt.arp.ARP):
            assert bytes(decoded.data) == frame[14 : 14 + 28], frame.hex()
            return None
        ip = decoded.data
    else:
        ip = dpkt.ip.IP(frame) if frame[0] >> 4 == 4 else dpkt.ip6.IP6(frame)
    if not isinstance(ip, dpkt.ip.IP | dpkt.ip6.IP6):
        return None
    four = isinstance(ip, dpkt.ip.IP)
    if not four and dpkt.ip.IP_PROTO_FRAGMENT in ip.extension_hdrs:
        return None
    body = ip.data
    fields = {"version": ip.v, "src": ip.src, "dst": ip.dst, "protocol": ip.p, "hops": ip.ttl if four else ip.hlim}
    if four:
        fields["header"] = ip.hl * 4
        header = (frame[14:] if ethernet else frame)[: ip.hl * 4]
        assert dpkt.in_cksum(header) == 0, f"dpkt: IP checksum of {frame.hex()}"
        if ip.mf or ip.offset:
            return fields
    if isinstance(body, dpkt.tcp.TCP | dpkt.udp.UDP | dpkt.icmp.ICMP | dpkt.icmp6.ICMP6):
        _transport(ip, body, four, ethernet, frame)
        fields |= _fields(body)
    return fields


def _transport(ip: Any, body: Any, four: bool, ethernet: bool, frame: bytes) -> None:
    """The checksum that dpkt makes is the one that is there; a UDP one of zero is none."""
    had = body.sum
    if had == 0 and isinstance(body, dpkt.udp.UDP):
        return
    packet = frame[14:] if ethernet else frame
    start = ip.hl * 4 if four else 40 + sum(len(bytes(header)) for header in ip.extension_hdrs.values())
    raw = packet[start:]
    length = len(raw)
    if isinstance(body, dpkt.icmp.ICMP):
        total = dpkt.in_cksum(raw)
    else:
        protocol = bytes((0, ip.p)) if four else bytes((0, 0, 0, ip.p))
        size = length.to_bytes(2 if four else 4, "big")
        total = dpkt.in_cksum(ip.src + ip.dst + (protocol + size if four else size + protocol) + raw)
    assert total == 0, f"dpkt: checksum of {frame.hex()}"


def _fields(body: Any) -> dict[str, Any]:
    if isinstance(body, dpkt.tcp.TCP):
        return {
            "ports": (body.sport, body.dport),
            "seq": body.seq,
            "ack": body.ack,
            "flags": body.flags,
            "window": body.win,
            "offset": body.off,
            "payload": len(body.data),
        }
    if isinstance(body, dpkt.udp.UDP):
        return {"ports": (body.sport, body.dport), "length": body.ulen}
    return {"type": body.type, "code": body.code}


def by_scapy(ethernet: bool, frame: bytes) -> dict[str, Any]:
    """The same."""
    with warnings.catch_warnings(action="ignore"):  # about interfaces that scapy would like to have
        from scapy.layers.inet import ICMP, IP, TCP, UDP
        from scapy.layers.inet6 import IPv6, _ICMPv6
        from scapy.layers.l2 import Ether

    packet = Ether(frame) if ethernet else IP(frame) if frame[0] >> 4 == 4 else IPv6(frame)
    ip = packet.getlayer(IP) or packet.getlayer(IPv6)
    four = isinstance(ip, IP)
    fields: dict[str, Any] = {"version": ip.version}
    raw = bytes(frame[14:] if ethernet else frame)
    fields |= {"src": raw[12:16] if four else raw[8:24], "dst": raw[16:20] if four else raw[24:40]}
    chain = [layer for layer in _layers(ip)]
    fields["protocol"] = ip.proto if four else _upper(chain, ip)
    fields["hops"] = ip.ttl if four else ip.hlim
    if four:
        fields["header"] = ip.ihl * 4
    if four and (ip.frag or ip.flags.MF):
        return fields
    for layer in chain:
        if isinstance(layer, TCP | UDP | ICMP | _ICMPv6):
            _verify(ip, layer, fields["protocol"], frame)
        if isinstance(layer, TCP):
            fields |= {"ports": (layer.sport, layer.dport), "seq": layer.seq, "ack": layer.ack}
            fields |= {"flags": int(layer.flags) & 0xFF, "window": layer.window, "offset": layer.dataofs}
            fields["payload"] = ip.len - ip.ihl * 4 - layer.dataofs * 4 if four else _rest(layer)
        elif isinstance(layer, UDP):
            fields |= {"ports": (layer.sport, layer.dport), "length": layer.len}
        elif isinstance(layer, ICMP | _ICMPv6):
            fields |= {"type": layer.type, "code": getattr(layer, "code", 0)}
        else:
            continue
        break
    return fields


def _layers(packet: Any) -> Iterator[Any]:
    while packet:
        yield packet
        packet = packet.payload


def _upper(chain: list[Any], ip: Any) -> int:
    """What the last extension header names, as dpkt has it."""
    number = ip.nh
    for layer in chain[1:]:
        if not layer.name.startswith("IPv6 Extension Header"):
            break
        number = layer.nh
    return int(number)


def _rest(layer: Any) -> int:
    return len(bytes(layer.payload))


def _verify(ip: Any, layer: Any, number: int, frame: bytes) -> None:
    """Over the bytes as they came: scapy would write a quoted packet anew."""
    from scapy.layers.inet import ICMP, in4_chksum
    from scapy.layers.inet6 import in6_chksum
    from scapy.utils import checksum

    if not (layer.fields.get("chksum") or layer.fields.get("cksum")):
        return
    raw = layer.original
    if isinstance(layer, ICMP):
        total = checksum(raw)
    else:
        total = in4_chksum(number, ip, raw) if ip.version == 4 else in6_chksum(number, ip, raw)
    assert total in (0, 0xFFFF), f"scapy: checksum of {frame.hex()}"

"""The error queue of datagram endpoints: ICMP errors about what was sent, and when it left (ip(7), IP_RECVERR)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import AF_INET, AF_INET6
from tcpip.checksum import partial_sum
from tcpip.errno_map import errno_of
from tcpip.errors import NetworkError
from tcpip.transport.endpoint import Control, Message
from tcpip.transport.timestamping import SentStamp
from tcpip.waiter import EVENT_ERR

if TYPE_CHECKING:
    from tcpip.buffer import TxPacket
    from tcpip.stack.route import Route
    from tcpip.transport.datagram import DatagramEndpoint
    from tcpip.transport.protocol import IcmpError

MAX_ERRORS: Final = 64
LEAST_ORIGINAL: Final = 128
"""RFC 4884 4: what is quoted in front of extensions is padded to so much."""
_INVALID: Final = 1
_EXTENSIONS_4: Final = (so.SOL_IP, so.IP_RECVERR_RFC4884)
_EXTENSIONS_6: Final = (so.SOL_IPV6, so.IPV6_RECVERR_RFC4884)
ETHERNET: Final = 14
_INT: Final = struct.Struct("=i")
_EXTENDED_ERROR: Final = struct.Struct("=IBBBBII")
_SOCKADDR_IN: Final = struct.Struct("=H2s4s8x")
_SOCKADDR_IN6: Final = struct.Struct("=H2sI16sI")


class QueuedError:
    """One entry of the error queue: the datagram that failed, where it went, and the report."""

    __slots__ = ("report", "port", "payload", "extensions")

    def __init__(self, report: IcmpError, port: int, payload: bytes, extensions: int) -> None:
        self.report = report
        self.extensions = extensions
        self.port = port
        self.payload = payload


def report_error(ep: DatagramEndpoint, error: IcmpError, payload: bytes) -> None:
    """An ICMP error about a datagram of ours: to SO_ERROR when connected and hard, to the error queue when wanted."""
    o = ep.options
    four = len(error.dst) == 4
    wanted = o.recverr if four else o.recverr6
    hard = error.hard
    if error.error is errors.MESSAGE_TOO_LONG:
        hard = (o.pmtudisc if four else o.pmtudisc6) != so.PMTUDISC_DONT
    if wanted and len(ep.error_queue) < MAX_ERRORS:
        asked = o.kept.get(_EXTENSIONS_4 if four else _EXTENSIONS_6)
        extensions = extensions_at(error, payload) if asked else 0
        ep.error_queue.append(QueuedError(error, error.remote_port, payload, extensions))
    if wanted or (hard and ep.peer):
        ep.error = error.error
        ep.queue.notify(EVENT_ERR)


def report_stamp(ep: DatagramEndpoint, event: int, key: int, packet: bytes) -> None:
    """Something has happened to a datagram of ours."""
    if len(ep.error_queue) < MAX_ERRORS:
        ep.error_queue.append(SentStamp(event, key, ep.stack.clock.realtime_ns(), packet))
        ep.queue.notify(EVENT_ERR)


def receive(ep: DatagramEndpoint, buffer: memoryview) -> Message:
    """recvmsg with MSG_ERRQUEUE. WOULD_BLOCK."""
    if not ep.error_queue:
        raise NetworkError(errors.WOULD_BLOCK)
    entry = ep.error_queue.popleft()
    count = min(len(entry.payload), len(buffer))
    buffer[:count] = entry.payload[:count]
    flags = so.MSG_ERRQUEUE | (so.MSG_TRUNC if len(entry.payload) > count else 0)
    following = ep.error_queue[0] if ep.error_queue else None
    if isinstance(entry, SentStamp):
        if isinstance(following, QueuedError):
            ep.error = following.report.error
        return Message(count, None, entry.messages(ep.options, ep.family == AF_INET), flags)
    ep.error = following.report.error if isinstance(following, QueuedError) else None
    report = entry.report
    control = [*_header_of(ep, report), _extended(entry)]
    return Message(count, ep.shown(report.dst, entry.port, report.nic.number), control, flags)


def _header_of(ep: DatagramEndpoint, report: IcmpError) -> list[Control]:
    """What the endpoint wants to know of the header that the error came with (ip_recv_error, ipv6_recv_error)."""
    o = ep.options
    if report.ttl < 0:
        return []
    found: list[Control] = []
    if len(report.dst) == 4:
        if o.recv_ttl:
            found.append((so.SOL_IP, so.IP_TTL, _INT.pack(report.ttl)))
        if o.recv_tos:
            found.append((so.SOL_IP, so.IP_TOS, bytes((report.tos,))))
    else:
        if o.recv_hop_limit:
            found.append((so.SOL_IPV6, so.IPV6_HOPLIMIT, _INT.pack(report.ttl)))
        if o.recv_traffic_class:
            found.append((so.SOL_IPV6, so.IPV6_TCLASS, _INT.pack(report.tos)))
    return found


def extensions_at(error: IcmpError, payload: bytes) -> int:
    """struct sock_ee_data_rfc4884 as ee_data: where in `payload`, all that is left of the message, its extensions begin, and
    whether they are damaged (RFC 4884; net/ipv4/icmp.c: ip_icmp_error_rfc4884)."""
    headers = error.skipped + len(error.quoted) - len(payload)
    start = error.original - headers
    if error.original < LEAST_ORIGINAL or start < 0 or start + 4 > len(payload):
        return 0
    return start | (0 if _extensions_valid(payload[start:]) else _INVALID << 16)


def _extensions_valid(data: bytes) -> bool:
    if data[0] >> 4 != 2 or (any(data[2:4]) and partial_sum(data)):
        return False
    at = 4
    while at < len(data):
        size = int.from_bytes(data[at : at + 2], "big")
        if at + 4 > len(data) or size < 4 or at + size > len(data):
            return False
        at += size
    return True


def _extended(entry: QueuedError) -> Control:
    """struct sock_extended_err, and who reported it."""
    report = entry.report
    four = len(report.dst) == 4
    origin = so.SO_EE_ORIGIN_ICMP if four else so.SO_EE_ORIGIN_ICMP6
    data = _EXTENDED_ERROR.pack(
        errno_of(report.error), origin, report.icmp_type, report.code, 0, report.mtu, entry.extensions
    )
    if four:
        return so.SOL_IP, so.IP_RECVERR, data + _SOCKADDR_IN.pack(AF_INET, b"\0\0", report.offender)
    return so.SOL_IPV6, so.IPV6_RECVERR, data + _SOCKADDR_IN6.pack(AF_INET6, b"\0\0", 0, report.offender, 0)


def as_frame(route: Route, pkt: TxPacket) -> bytes:
    """A packet that was sent, as the link had it: with a header of Ethernet's, which the loopback leaves empty."""
    data = pkt.join()
    network = pkt.transport - route.ip_header_len
    if network >= ETHERNET:
        return data[network - ETHERNET :]
    kind = b"\x08\x00" if not route.six else b"\x86\xdd"
    return bytes(12) + kind + data[max(network, 0) :]

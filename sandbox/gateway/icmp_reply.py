"""ICMP messages that the gateway writes itself: why a packet went no further, and answers of the outside to pings."""

from __future__ import annotations

import struct
from typing import Final

from sandbox.gateway import address_plan as plan
from sandbox.gateway.flow_key import ETHERNET, ICMP, ICMPV6, FlowKey
from tcpip.checksum import checksum, finish, partial_sum, pseudo_sum

_IPV4: Final = struct.Struct("!BBHHHBBH4s4s")
_IPV6: Final = struct.Struct("!IHBB16s16s")
_ICMP: Final = struct.Struct("!BBHI")
TTL: Final = 64

# Causes, as (IPv4 code, IPv6 code) of destination unreachable.
NO_ROUTE: Final = (0, 0)
HOST: Final = (1, 3)
PORT: Final = (3, 4)
PROHIBITED: Final = (13, 1)


def frame(src: bytes, dst: bytes, message_type: int, code: int, rest: int, body: bytes) -> bytes:
    """An Ethernet frame to the guest with one ICMP message from `src` to `dst`; `rest` is the header's second half."""
    message = _ICMP.pack(message_type, code, 0, rest) + body
    if len(src) == 4:
        message = message[:2] + checksum(message).to_bytes(2, "big") + message[4:]
        header = _IPV4.pack(0x45, 0, 20 + len(message), 0, 0x4000, TTL, ICMP, 0, src, dst)
        header = header[:10] + checksum(header).to_bytes(2, "big") + header[12:]
        return plan.GUEST_MAC + plan.GATEWAY_MAC + b"\x08\x00" + header + message
    total = pseudo_sum(src, dst, ICMPV6, len(message)) + partial_sum(message)
    message = message[:2] + finish(total).to_bytes(2, "big") + message[4:]
    header = _IPV6.pack(6 << 28, len(message), ICMPV6, TTL, src, dst)
    return plan.GUEST_MAC + plan.GATEWAY_MAC + b"\x86\xdd" + header + message


def unreachable(flow: FlowKey, packet: bytes, cause: tuple[int, int], source: bytes = plan.GATEWAY4) -> bytes:
    """Destination unreachable about `packet` (a frame of the guest), from the gateway (RFC 792, RFC 4443 3.1); about one of
    IPv4 from `source`."""
    if len(flow.src) == 4:
        quoted = packet[ETHERNET : flow.transport + 8]
        return frame(source, flow.src, 3, cause[0], 0, quoted[:548])
    return frame(plan.GATEWAY6, flow.src, 1, cause[1], 0, packet[ETHERNET : ETHERNET + 1232])


def echo_reply(src: bytes, dst: bytes, identifier: int, sequence: int, body: bytes) -> bytes:
    """What the outside answered to a ping of the guest; at most what fits one packet (longer bodies are cut)."""
    body = body[: plan.MTU - 48]
    return frame(src, dst, 0 if len(src) == 4 else 129, 0, identifier << 16 | sequence, body)

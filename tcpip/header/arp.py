"""The ARP packet for IPv4 over Ethernet.

Implements: RFC 826, RFC 5227 (probe and announcement formats).
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from tcpip.errors import DropReason, Malformed

PACKET_LEN: Final = 28
REQUEST: Final = 1
REPLY: Final = 2

FIXED: Final = Struct("!HHBBH6s4s6s4s")


class ArpPacket:
    """Operation, sender's and target's hardware and protocol addresses."""

    __slots__ = ("operation", "sender_mac", "sender_ip", "target_mac", "target_ip")

    def __init__(
        self, operation: int, sender_mac: bytes, sender_ip: bytes, target_mac: bytes, target_ip: bytes
    ) -> None:
        self.operation = operation
        self.sender_mac = sender_mac
        self.sender_ip = sender_ip
        self.target_mac = target_mac
        self.target_ip = target_ip

    @classmethod
    def parse(cls, data: bytes | memoryview) -> ArpPacket:
        """From behind the link header; Malformed for other hardware or protocol types, too."""
        if len(data) < PACKET_LEN:
            raise Malformed(DropReason.TRUNCATED)
        hardware, protocol, mac_len, ip_len, operation, smac, sip, tmac, tip = FIXED.unpack_from(data)
        if hardware != 1 or protocol != 0x0800 or mac_len != 6 or ip_len != 4:
            raise Malformed(DropReason.BAD_FIELD)
        return cls(operation, smac, sip, tmac, tip)

    def wire_len(self) -> int:
        return PACKET_LEN

    def emit(self, out: bytearray, at: int) -> None:
        FIXED.pack_into(
            out, at, 1, 0x0800, 6, 4, self.operation, self.sender_mac, self.sender_ip, self.target_mac, self.target_ip
        )

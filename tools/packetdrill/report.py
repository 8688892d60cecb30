"""Packets and errors as text, in packetdrill's words."""

from __future__ import annotations

import os

from tcpip.addr import text as address_text
from tools.packetdrill import tcp_options
from tools.packetdrill.wire import ACK, FLAG_BITS, Datagram


def seconds(usecs: int) -> str:
    """A time in a dump."""
    return f"{usecs / 1e6:9.6f}"


def packet_text(pkt: Datagram, show_window: bool = True, endpoints: bool = False) -> str:
    """As tcpdump would say it."""
    text = ""
    if endpoints:
        text = f"{address_text(pkt.src)}:{pkt.ports[0]} > {address_text(pkt.dst)}:{pkt.ports[1]} "
    if pkt.tcp is None:
        if pkt.icmp is None:
            return f"{text}udp ({len(pkt.payload)})"
        return f"{text}icmpv{4 if len(pkt.src) == 4 else 6} type {pkt.icmp.type} code {pkt.icmp.code}"
    tcp = pkt.tcp
    flags = "".join(letter for letter, bit in FLAG_BITS.items() if tcp.flags & bit)
    size = len(pkt.payload)
    text += f"{flags or '-'} {tcp.seq}:{(tcp.seq + size) & 0xFFFFFFFF}({size})"
    if tcp.flags & ACK:
        text += f" ack {tcp.ack}"
    if show_window:
        text += f" win {tcp.window}"
    if tcp.urgent:
        text += f" urg {tcp.urgent}"
    if tcp.options:
        text += f" <{tcp_options.to_text(tcp.options)}>"
    return text


def dump(kind: str, usecs: int, pkt: Datagram, show_window: bool = True) -> str:
    """One line of an error: what the script had, or what came."""
    return f"{kind} packet: {seconds(usecs)} {packet_text(pkt, show_window)}"


def field(name: str, expected: int, actual: int) -> str:
    """A header field that is not what it should be."""
    return f"live packet field {name}: expected: {expected} ({expected:#x}) vs actual: {actual} ({actual:#x})"


def errno_text(number: int) -> str:
    return f"errno {number} ({os.strerror(number)})"

"""/proc/net/nf_conntrack and /proc/net/stat/nf_conntrack (net/netfilter/nf_conntrack_standalone.c: ct_seq_show)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.clock import NS_PER_S
from tcpip.filter.flow_tuple import ORIGINAL, PORT_PROTOCOLS, REPLY, REQUESTS
from tcpip.filter.tcp_states import STATE_NAMES

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from tcpip.filter.connection import Connection
    from tcpip.filter.conntrack import Conntrack

_NAMES: Final = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6"}


def _table(network: Network) -> Conntrack | None:
    netfilter = network.stack.netfilter
    return netfilter.conntrack if netfilter is not None else None


def rows(network: Network) -> list[str]:
    """A line for each connection."""
    table, now = _table(network), network.stack.clock.now_ns()
    return [_row(conn, now) for conn in (table.connections() if table is not None else [])]


def _row(conn: Connection, now: int) -> str:
    family = "ipv4     2" if len(conn.original[1]) == 4 else "ipv6     10"
    left = max(conn.deadline - now, 0) // NS_PER_S
    words = [f"{family} {_NAMES.get(conn.protocol, 'unknown'):<8} {conn.protocol} {left}"]
    if conn.tcp is not None:
        words.append(STATE_NAMES[conn.tcp.state])
    words += _way(conn, ORIGINAL)
    if not conn.seen_reply:
        words.append("[UNREPLIED]")
    words += _way(conn, REPLY)
    if conn.assured:
        words.append("[ASSURED]")
    return " ".join(words) + f" mark={conn.mark} zone=0 use=2\n"


def _way(conn: Connection, direction: int) -> list[str]:
    protocol, src, dst, first, second = conn.tuple_of(direction)
    words = [f"src={_address(src)}", f"dst={_address(dst)}"]
    if protocol in PORT_PROTOCOLS:
        words += [f"sport={first}", f"dport={second}"]
    elif protocol in REQUESTS:
        words += [f"type={second >> 8}", f"code={second & 255}", f"id={first}"]
    if conn.counted:
        words += [f"packets={conn.packets[direction]}", f"bytes={conn.bytes[direction]}"]
    return words


def _address(addr: bytes) -> str:
    """Of IPv6 in full (%pI6)."""
    if len(addr) == 4:
        return ".".join(map(str, addr))
    return ":".join([addr[at : at + 2].hex() for at in range(0, 16, 2)])


def counts(network: Network) -> list[str]:
    """Of the one processor that does it (ct_cpu_seq_show)."""
    table = _table(network)
    values = [0] * 17
    if table is not None:
        values[0], values[4], values[8], values[9] = len(table), table.invalid, table.inserted, table.clashed
        values[10], values[11] = table.dropped + table.clashed, table.evicted
    head = " ".join([f"{value & 0xFFFFFFFF:08x}" for value in values[1:13]])
    return [f"{values[0]:08x}  {head}  " + " ".join([f"{value:08x}" for value in values[13:]]) + "\n"]

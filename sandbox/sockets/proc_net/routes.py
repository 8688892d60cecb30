"""/proc/net/route, ipv6_route, fib_trie and arp."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.socket import AF_INET, AF_INET6
from sandbox.sockets.proc_net.inet_sockets import words
from tcpip.addr import text
from tcpip.network.neighbor import FAILED, INCOMPLETE, PERMANENT
from tcpip.stack.route_table import TABLE_MAIN

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from tcpip.stack.route_table import RouteEntry

RTF_UP: Final = 1
RTF_GATEWAY: Final = 2
RTF_HOST: Final = 4
RTF_REJECT: Final = 0x200
RTF_DEFAULT: Final = 0x10000
RTF_ADDRCONF: Final = 0x40000
RTF_PREFIX_RT: Final = 0x80000
RTF_EXPIRES: Final = 0x400000
RTF_NONEXTHOP: Final = 0x200000
RTF_LOCAL: Final = 0x80000000
ATF_COM: Final = 2
ATF_PERM: Final = 4
_KINDS: Final = {"": "UNICAST", "unicast": "UNICAST", "local": "LOCAL", "throw": "THROW"}


def routes(network: Network) -> list[str]:
    """IPv4's main table, by prefix (net/ipv4/fib_trie.c: fib_route_seq_show)."""
    rows = []
    for entry in sorted(network.stack.routes.entries, key=_place):
        if len(entry.prefix) != 4 or entry.table != TABLE_MAIN or _looped(entry.prefix):
            continue
        mask = (0xFFFFFFFF << 32 - entry.length & 0xFFFFFFFF).to_bytes(4, "big")
        flags = RTF_UP | (RTF_GATEWAY if entry.gateway else 0) | (RTF_HOST if entry.length == 32 else 0)
        if entry.error is not None:
            flags |= RTF_REJECT
        metrics = entry.metrics
        fields = (
            entry.nic.name if entry.nic is not None else "*",
            words(entry.prefix),
            words(entry.gateway or bytes(4)),
            f"{flags:04X}\t0\t0\t{entry.metric}",
            words(mask),
            f"{metrics.advmss + 40 if metrics.advmss else 0}\t{metrics.window}\t{metrics.rtt >> 3}",
        )
        rows.append("\t".join(fields).ljust(127) + "\n")
    return rows


def _place(entry: RouteEntry) -> tuple[bytes, int, int, int]:
    return entry.prefix, -entry.length, -entry.tos, entry.metric


def _looped(prefix: bytes) -> bool:
    """127.0.0.0/8, which Linux has in the local table."""
    return prefix[0] == 127


def routes6(network: Network) -> list[str]:
    """IPv6: prefixes, own addresses, multicast (net/ipv6/route.c: rt6_info_route)."""
    rows = []
    for entry in network.stack.routes.entries:
        if len(entry.prefix) != 16 or entry.table != TABLE_MAIN or entry.kind == "local":
            continue
        if entry.nic is not None and entry.nic.loopback:
            continue
        flags = RTF_UP | (RTF_GATEWAY if entry.gateway else 0) | (RTF_HOST if entry.length == 128 else 0)
        if entry.error is not None:
            flags |= RTF_REJECT
        if entry.learnt:
            flags |= RTF_ADDRCONF | (RTF_DEFAULT if entry.gateway else RTF_PREFIX_RT)
        if entry.expires is not None:
            flags |= RTF_EXPIRES
        name = entry.nic.name if entry.nic is not None else "lo"
        rows.append(_row6(entry.prefix, entry.length, entry.gateway, entry.metric or 256, flags, name))
    nothing = _row6(bytes(16), 0, b"", 0xFFFFFFFF, RTF_REJECT | RTF_NONEXTHOP, "lo")
    nics = list(network.stack.nics.values())
    own = [
        _row6(address.addr, 128, b"", 0, RTF_UP | RTF_NONEXTHOP | RTF_LOCAL, nic.name)
        for nic in nics
        for address in nic.addresses_of(AF_INET6)
    ]
    groups = [_row6(b"\xff" + bytes(15), 8, b"", 256, RTF_UP, nic.name) for nic in nics if nic.up and not nic.loopback]
    return [*rows, nothing, *own, *groups, nothing]


def _row6(prefix: bytes, length: int, gateway: bytes, metric: int, flags: int, name: str) -> str:
    via = (gateway or bytes(16)).hex()
    return (
        f"{prefix.hex()} {length:02x} {bytes(16).hex()} 00 {via} {metric:08x} {1:08x} {0:08x} {flags:08x} {name:>8}\n"
    )


def fib_trie(network: Network) -> list[str]:
    """IPv4's destinations, those of the main and of the local table in one tree, as Linux has them without rules of one's own.
    A tree of one node, whose shape says nothing."""
    leaves: dict[bytes, list[tuple[int, str, str]]] = {}

    def add(prefix: bytes, length: int, scope: str, kind: str) -> None:
        rows = leaves.setdefault(prefix, [])
        if (length, scope, kind) not in rows:
            rows.append((length, scope, kind))

    for entry in network.stack.routes.entries:
        if len(entry.prefix) == 4 and entry.table == TABLE_MAIN and not _looped(entry.prefix):
            scope = "universe" if entry.gateway or entry.nic is None else "link"
            add(entry.prefix, entry.length, scope, _KINDS.get(entry.kind, entry.kind.upper()))
    for nic in network.stack.nics.values():
        for address in nic.addresses_of(AF_INET):
            if nic.loopback:
                add(bytes((127, 0, 0, 0)), 8, "host", "LOCAL")
            add(address.addr, 32, "host", "LOCAL")
            if address.broadcast:
                add(address.broadcast, 32, "link", "BROADCAST")
    tree = [f"  +-- 0.0.0.0/0 {max(len(leaves) - 1, 0).bit_length()} 0 0\n"] if leaves else []
    for prefix in sorted(leaves):
        tree.append(f"     |-- {text(prefix)}\n")
        tree += [f"        /{length} {scope} {kind}\n" for length, scope, kind in sorted(leaves[prefix], reverse=True)]
    return ["Main:\n", *tree, "Local:\n", *tree]


def neighbors(network: Network) -> list[str]:
    """Of IPv4 (net/ipv4/arp.c: arp_seq_show)."""
    rows = []
    for nic in network.stack.nics.values():
        for addr, neighbor in nic.neighbors.entries.items():
            if len(addr) != 4 or not nic.has_arp:
                continue
            flags = 0 if neighbor.state in (INCOMPLETE, FAILED) else ATF_COM
            if neighbor.state == PERMANENT:
                flags |= ATF_PERM
            mac = (neighbor.mac or bytes(6)).hex(":")
            rows.append(f"{text(addr):<16} 0x{1:<10x}0x{flags:<10x}{mac:<17}     *        {nic.name}\n")
    return rows

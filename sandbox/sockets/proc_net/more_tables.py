"""/proc/net/netlink, protocols, ptype, softnet_stat, psched, rt6_stats, ip6_flowlabel, anycast6, mcfilter and mcfilter6."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM
from sandbox.sockets.proc_net.inet_sockets import packet_sockets
from tcpip.clock import NS_PER_S
from tcpip.sockopt import IPPROTO_TCP, IPPROTO_UDP

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.unix.socket import UnixSocket

# Name, family, kind, protocol (-1: any, 0: ICMP's), size, whether the memory is bounded, header room, own slab, operations.
_STREAM_CALLS: Final = "y  y  y  y  y  y  y  y  y  y  y  y  n  y  y  y  y  y"
_DATAGRAM_CALLS: Final = "y  y  y  n  y  y  y  n  y  y  y  y  n  n  y  y  y  n"
_RAW_CALLS: Final = "y  y  y  n  y  y  y  n  y  y  y  y  y  y  y  y  n  n"
_PING_CALLS: Final = "y  y  y  n  n  y  n  n  y  y  y  y  y  y  n  y  y  n"
_FIRST_CALL: Final = "y" + "  n" * 17
_NO_CALLS: Final = "n" + "  n" * 17
_INET: Final = {
    "PINGv6": (AF_INET6, SOCK_DGRAM, False, 1344, _PING_CALLS),
    "RAWv6": (AF_INET6, SOCK_RAW, False, 1344, _RAW_CALLS),
    "UDPv6": (AF_INET6, SOCK_DGRAM, True, 1472, _DATAGRAM_CALLS),
    "TCPv6": (AF_INET6, SOCK_STREAM, True, 2432, _STREAM_CALLS),
    "PING": (AF_INET, SOCK_DGRAM, False, 1016, _PING_CALLS),
    "RAW": (AF_INET, SOCK_RAW, False, 1152, _RAW_CALLS),
    "UDP": (AF_INET, SOCK_DGRAM, True, 1344, _DATAGRAM_CALLS),
    "TCP": (AF_INET, SOCK_STREAM, True, 2304, _STREAM_CALLS),
}
_TICKS_PER_US: Final = "000003e8 00000040 000f4240 3b9aca00\n"


def protocols(network: Network, unix: list[UnixSocket]) -> list[str]:
    """Kinds of sockets, and how many there are of each (net/core/sock.c: proto_seq_show)."""
    counts = dict.fromkeys(_INET, 0)
    for socket in network.sockets:
        for name, (family, kind, usual, _, _) in _INET.items():
            ported = socket.protocol in (IPPROTO_TCP, IPPROTO_UDP) or kind == SOCK_RAW
            if (socket.family, socket.kind) == (family, kind) and ported == (usual or kind == SOCK_RAW):
                counts[name] += 1
    rows = [_protocol("PACKET", 1600, len(packet_sockets(network)), False, "no", _NO_CALLS)]
    for name in ("PINGv6", "RAWv6", "UDPv6", "TCPv6"):
        rows.append(_inet(name, counts[name]))
    streams = sum(1 for socket in unix if socket.kind == SOCK_STREAM)
    rows.append(_protocol("UNIX-STREAM", 1152, streams, False, "yes", _FIRST_CALL))
    rows.append(_protocol("UNIX", 1152, len(unix) - streams, False, "yes", _FIRST_CALL))
    for name in ("PING", "RAW", "UDP", "TCP"):
        rows.append(_inet(name, counts[name]))
    table = network.netlink_ports
    rows.append(_protocol("NETLINK", 1096, table.open if table is not None else 0, False, "no", _NO_CALLS))
    return rows


def _inet(name: str, count: int) -> str:
    _, _, bounded, size, calls = _INET[name]
    return _protocol(name, size, count, bounded, "yes", calls, name.startswith("TCP"))


def _protocol(name: str, size: int, count: int, bounded: bool, slab: str, calls: str, stream: bool = False) -> str:
    memory, press, room = (0 if bounded else -1), ("no" if stream else "NI"), (192 if stream else 0)
    return f"{name:<9} {size:4} {count:6}  {memory:6}   {press:<3} {room:6}   {slab:<3}  {'kernel':<10}  {calls}\n"


def netlink(network: Network) -> list[str]:
    """Sockets that have a port, and the kernel's (net/netlink/af_netlink.c: netlink_seq_show)."""
    from sandbox.sockets.netlink.diag_netlink import kernel_protocols

    table = network.netlink_ports
    ports = table.ports if table is not None else {}
    rows = [(number, 0, 0, 0, 0) for number in kernel_protocols()]
    rows += [(number, port, one.group_mask(), one.queued(), one.inode) for (number, port), one in ports.items()]
    return [
        f"{0:016x} {protocol:<3} {port:<10} {groups:08x} {waits:<8} {0:<8} {0:<5} {2:<8} {0:<8} {inode:<8}\n"
        for protocol, port, groups, waits, inode in sorted(rows)
    ]


def packet_types(network: Network) -> list[str]:
    """Who is given which packets: packet sockets, then the protocols (net/core/net-procfs.c: ptype_seq_show)."""
    rows = ["Type Device      Function\n"]
    for _, endpoint in packet_sockets(network):
        if endpoint.ethertype == 3 or (endpoint.ethertype and not endpoint.nic):  # others are an interface's own
            nic = network.stack.nics.get(endpoint.nic)
            kind = "ALL " if endpoint.ethertype == 3 else f"{endpoint.ethertype:04x}"
            rows.append(f"{kind} {nic.name if nic is not None else '':<8} packet_rcv\n")
    rows += ["0800          ip_rcv\n", "0806          arp_rcv\n"]
    return [*rows, "86dd          ipv6_rcv\n"] if network.stack.ipv6_enabled else rows


def softnet(network: Network) -> list[str]:
    """Packets that were taken in and those that were not, of the one processor that does it (softnet_seq_show)."""
    nics = network.stack.nics.values()
    taken, dropped = sum([nic.rx_packets for nic in nics]), sum([nic.rx_dropped for nic in nics])
    return [" ".join([f"{value & 0xFFFFFFFF:08x}" for value in (taken, dropped, *[0] * 13)]) + "\n"]


def psched(network: Network) -> list[str]:
    """The clock of queueing disciplines: nanoseconds in units of 64 (net/sched/sch_api.c: psched_show)."""
    return [_TICKS_PER_US]


def routes6_stats(network: Network) -> list[str]:
    """How many routes of IPv6 there are (net/ipv6/route.c: rt6_stats_seq_show)."""
    stack = network.stack
    count = sum([1 for entry in stack.routes.entries if len(entry.prefix) == 16])
    count += sum([1 for nic in stack.nics.values() for _ in nic.addresses_of(AF_INET6)])
    return [f"{count:04x} {count:04x} {count:04x} {count:04x} 0000 0000 0000\n"]


def flow_labels(network: Network) -> list[str]:
    """Leased ones (net/ipv6/ip6_flowlabel.c: ip6fl_seq_show)."""
    stack = network.stack
    stack.flow_labels.prune()
    now = stack.clock.now_ns()
    rows = ["Label S Owner  Users  Linger Expires  Dst                              Opt\n"]
    for one in stack.flow_labels.leased.values():
        owner = one.process if one.share == 2 else one.owner if one.share == 3 else 0
        left = max(one.expires - now, 0) // NS_PER_S
        rows.append(
            f"{one.label:05X} {one.share:<1d} {owner:<6d} {one.users:<6d} {one.linger // NS_PER_S:<6d} {left:<8d} "
            f"{one.dst.hex()} {0:<4d}\n"
        )
    return rows


def anycast6(network: Network) -> list[str]:
    """Those that sockets have joined, and a router's (net/ipv6/anycast.c: ac6_seq_show)."""
    return [
        f"{nic.number:<4d} {nic.name:<15} {addr.hex()} {users:5d}\n"
        for nic in network.stack.nics.values()
        for addr, users in nic.anycast.items()
    ]


def source_filters(network: Network) -> list[str]:
    """Of IPv4 (net/ipv4/igmp.c: igmp_mcf_seq_show)."""
    rows = ["Idx Device        MCA        SRC    INC    EXC\n"]
    for number, group, source, included, excluded in _sources(network, 4):
        name = network.stack.nics[number].name
        addresses = f"0x{group.hex()} 0x{source.hex()}"
        rows.append(f"{number:3d} {name:>6} {addresses} {included:6d} {excluded:6d}\n")
    return rows


def source_filters6(network: Network) -> list[str]:
    """Of IPv6 (net/ipv6/mcast.c: igmp6_mcf_seq_show)."""
    rows = [f"Idx {'Device':>6} {'Multicast Address':>32} {'Source Address':>32} {'INC':>6} {'EXC':>6}\n"]
    for number, group, source, included, excluded in _sources(network, 16):
        name = network.stack.nics[number].name
        rows.append(f"{number:3d} {name:>6} {group.hex()} {source.hex()} {included:6d} {excluded:6d}\n")
    return rows


def _sources(network: Network, size: int) -> list[tuple[int, bytes, bytes, int, int]]:
    """Interface, group and source of each filter, and how many sockets hear it and how many do not."""
    return [
        (nic.number, kept.group, addr, source.including, source.excluding)
        for nic in network.stack.nics.values()
        for kept in reversed(list((nic.igmp if size == 4 else nic.mld).groups.values()))
        for addr, source in kept.sources.items()
    ]

"""/proc/net/snmp, snmp6, netstat, sockstat and sockstat6: what the stack has counted, by the names that it keeps (tcpip.stats)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM
from tcpip.sockopt import IPPROTO_TCP
from tcpip.transport.tcp.endpoint import TcpEndpoint
from tcpip.transport.tcp.protocol import TcpProtocol
from tcpip.transport.tcp.state import CLOSED

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from tcpip.network.reassembly import Reassembler
    from tcpip.stats import IcmpCounters

_TCP_FIXED: Final = {"RtoAlgorithm": 1, "RtoMin": 200, "RtoMax": 120000, "MaxConn": -1}


def snmp(network: Network) -> list[str]:
    """RFC 4293, 4022 and 4113's counters of IPv4 (net/ipv4/proc.c: snmp_seq_show)."""
    stack = network.stack
    stats = stack.stats
    forwarding = {"Forwarding": 1 if stack.forwarding else 2, "DefaultTTL": stack.default_ttl}
    return [
        *_pair("Ip", {**forwarding, **stats.ip.values}),
        *_pair("Icmp", stats.icmp.values),
        *_message_types(stats.icmp),
        *_pair("Tcp", {**_TCP_FIXED, **stats.tcp.values}),
        *_pair("Udp", stats.udp.values),
        *_pair("UdpLite", stats.udplite.values),
    ]


def netstat(network: Network) -> list[str]:
    """Linux's own counters of TCP and of IPv4 (netstat_seq_show)."""
    stats = network.stack.stats
    return [*_pair("TcpExt", stats.tcp_ext.values), *_pair("IpExt", stats.ip_ext.values)]


def snmp6(network: Network) -> list[str]:
    """Of IPv6 (net/ipv6/proc.c)."""
    stats = network.stack.stats
    icmp = stats.icmp6
    groups = (
        ("Ip6", stats.ip6.values),
        ("Icmp6", icmp.values),
        ("Icmp6", _types(icmp)),
        ("Udp6", stats.udp6.values),
        ("UdpLite6", {name: value for name, value in stats.udplite6.values.items() if name != "IgnoredMulti"}),
    )
    return [f"{prefix + name:<32}\t{value}\n" for prefix, group in groups for name, value in group.items()]


def device6(network: Network, name: str) -> list[str]:
    """Of IPv6 at one interface (snmp6_dev_seq_show)."""
    nic = network.stack.find_nic(name)
    if nic is None:
        return []
    icmp = nic.stats6.icmp6
    groups = (
        ("ifIndex", {"": nic.number}),
        ("Ip6", nic.stats6.ip6.values),
        ("Icmp6", icmp.values),
        ("Icmp6", _types(icmp)),
    )
    seen = [(prefix + name, value) for prefix, group in groups for name, value in group.items()]
    return [f"{name:<32}\t{value}\n" for name, value in seen if name != "Icmp6OutRateLimitHost"]


def _message_types(icmp: IcmpCounters) -> list[str]:
    """Those that were seen (icmpmsg_put); no line when there was none."""
    seen = _types(icmp)
    return _pair("IcmpMsg", seen) if seen else []


def _types(icmp: IcmpCounters) -> dict[str, int]:
    """By number, those that came and those that left."""
    seen = {f"InType{kind}": icmp.received[kind] for kind in sorted(icmp.received)}
    return seen | {f"OutType{kind}": icmp.sent[kind] for kind in sorted(icmp.sent)}


def _pair(group: str, values: dict[str, int]) -> list[str]:
    """A line of names and one of values."""
    return [f"{group}: {' '.join(values)}\n", f"{group}: {' '.join(map(str, values.values()))}\n"]


def sockstat(network: Network, used: int) -> list[str]:
    """How many sockets of each kind are in use; `used`: of any family (net/ipv4/proc.c: sockstat_seq_show)."""
    tcp = network.stack.protocols.get(IPPROTO_TCP)
    orphans, waiting = (tcp.orphans, len(tcp.time_wait)) if isinstance(tcp, TcpProtocol) else (0, 0)
    everyone = [socket for socket in network.sockets if socket.kind == SOCK_STREAM]
    return [
        f"sockets: used {used}\n",
        f"TCP: inuse {_in_use(network, AF_INET, SOCK_STREAM)} orphan {orphans} tw {waiting} alloc {len(everyone) + orphans} mem 0\n",
        f"UDP: inuse {_in_use(network, AF_INET, SOCK_DGRAM)} mem 0\n",
        "UDPLITE: inuse 0\n",
        f"RAW: inuse {_in_use(network, AF_INET, SOCK_RAW)}\n",
        f"FRAG: {_fragments(network.stack.ipv4.reassembler)}\n",
    ]


def sockstat6(network: Network) -> list[str]:
    """The same of IPv6 (net/ipv6/proc.c: sockstat6_seq_show)."""
    return [
        f"TCP6: inuse {_in_use(network, AF_INET6, SOCK_STREAM)}\n",
        f"UDP6: inuse {_in_use(network, AF_INET6, SOCK_DGRAM)}\n",
        "UDPLITE6: inuse 0\n",
        f"RAW6: inuse {_in_use(network, AF_INET6, SOCK_RAW)}\n",
        f"FRAG6: {_fragments(network.stack.ipv6.reassembler)}\n",
    ]


def _in_use(network: Network, family: int, kind: int) -> int:
    """TCP sockets count from when they listen or connect."""
    count = 0
    for socket in network.sockets:
        if socket.family == family and socket.kind == kind:
            endpoint = socket.endpoint
            count += not isinstance(endpoint, TcpEndpoint) or endpoint.state != CLOSED
    return count


def _fragments(reassembler: Reassembler) -> str:
    return f"inuse {len(reassembler.partials)} memory {reassembler.bytes_held}"

"""The text of each table of /proc/net (proc_pid_net(5)); imported when somebody looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Final, Iterator

from sandbox.fs.procfs.net import EMPTY
from sandbox.sockets.proc_net import (
    addresses,
    connections,
    counters,
    devices,
    inet_sockets,
    more_tables,
    routes,
    unix_sockets,
)
from sandbox.sockets.unix.socket import unix_sockets_of

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.net_namespace import NetNamespace

_TABLES: Final[dict[str, Callable[[Network], list[str]]]] = {
    "anycast6": more_tables.anycast6,
    "arp": routes.neighbors,
    "dev": devices.devices,
    "dev_mcast": devices.link_groups,
    "fib_trie": routes.fib_trie,
    "if_inet6": addresses.addresses6,
    "igmp": addresses.groups,
    "igmp6": addresses.groups6,
    "ip6_flowlabel": more_tables.flow_labels,
    "ipv6_route": routes.routes6,
    "mcfilter": more_tables.source_filters,
    "mcfilter6": more_tables.source_filters6,
    "netlink": more_tables.netlink,
    "netstat": counters.netstat,
    "nf_conntrack": connections.rows,
    "stat/nf_conntrack": connections.counts,
    "packet": inet_sockets.packets,
    "psched": more_tables.psched,
    "ptype": more_tables.packet_types,
    "route": routes.routes,
    "rt6_stats": more_tables.routes6_stats,
    "snmp": counters.snmp,
    "snmp6": counters.snmp6,
    "sockstat6": counters.sockstat6,
    "softnet_stat": more_tables.softnet,
}


def table(kernel: Kernel, net: NetNamespace, name: str) -> bytes | Iterator[bytes] | None:
    """/proc/net/NAME of a network namespace, in portions where it may be long; None: as in an empty stack."""
    network = net.network
    if name in inet_sockets.PROTOCOLS:
        return inet_sockets.table(network, EMPTY[name], name)
    if name.startswith("dev_snmp6/"):
        return "".join(counters.device6(network, name[10:])).encode()
    make = _TABLES.get(name)
    if make is not None:
        rows = make(network)
    elif name == "protocols":
        rows = more_tables.protocols(network, unix_sockets_of(kernel, net.number))
    elif name == "unix":
        rows = unix_sockets.rows(unix_sockets_of(kernel, net.number))
    elif name == "sockstat":
        used = len(network.sockets) + len(unix_sockets_of(kernel, net.number))
        return "".join(counters.sockstat(network, used)).encode()
    else:
        return None
    return EMPTY[name] + "".join(rows).encode("utf-8", "surrogateescape")

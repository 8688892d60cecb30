"""/proc/net/dev and dev_mcast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpip.addr import multicast_mac

if TYPE_CHECKING:
    from sandbox.gateway.network import Network


def devices(network: Network) -> list[str]:
    """Bytes and packets of each interface (net/core/net-procfs.c)."""
    return [
        f"{nic.name:>6}: {nic.rx_bytes:7} {nic.rx_packets:7}    0 {nic.rx_dropped:4}    0     0          0         0 "
        f"{nic.tx_bytes:8} {nic.tx_packets:7}    0 {nic.tx_dropped:4}    0     0       0          0\n"
        for nic in network.stack.nics.values()
    ]


def link_groups(network: Network) -> list[str]:
    """The Ethernet addresses of the groups that an interface listens to (RFC 1112 6.4, RFC 2464 7)."""
    rows = []
    for nic in network.stack.nics.values():
        if nic.mac:
            for group, users in nic.groups.items():
                mac = multicast_mac(group)
                rows.append(f"{nic.number:<4d} {nic.name:<15} {users:<5d} {0:<5d} {mac.hex()}\n")
    return rows

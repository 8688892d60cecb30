"""/proc/net/dev, dev_mcast and /sys/class/net."""

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


def class_net(network: Network) -> dict[str, dict[str, str]]:
    """The attributes of each interface."""
    from sandbox.sockets.inet.link_state import carries, interface_flags, interface_type, operational, queue_length
    from sandbox.sockets.inet.own_links import TUN, own_link

    out = {}
    for nic in network.stack.nics.values():
        mac = (nic.mac or bytes(6)).hex(":")
        link = own_link(nic)
        other = link.tied_to() if link is not None else None
        out[nic.name] = attributes = {
            "address": mac,
            "addr_len": "6",
            "broadcast": "ff:ff:ff:ff:ff:ff" if nic.mac else "00:00:00:00:00:00",
            "carrier": "1" if carries(nic) else "0",
            "flags": hex(interface_flags(nic)),
            "ifindex": str(nic.number),
            "iflink": str(nic.number if other is None else other.number),
            "mtu": str(nic.mtu),
            "operstate": operational(nic),
            "tx_queue_len": str(queue_length(nic)),
            "type": str(interface_type(nic)),
        }
        if link is not None and link.kind == TUN:
            from sandbox.sockets.inet.tun import attributes_of

            attributes |= attributes_of(nic)
    return out

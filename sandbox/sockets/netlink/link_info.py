"""IFLA_LINKINFO: what kind of link an interface is, and what it is tied to (net/core/rtnetlink.c: rtnl_link_fill)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.sockets.inet.own_links import BRIDGE, MACVLAN, TUN, VLAN, own_link
from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink import namespace_ids

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from tcpip.stack.nic import Nic

IFLA_LINK, IFLA_MASTER, IFLA_LINKINFO, IFLA_LINK_NETNSID = 5, 10, 18, 37
IFLA_INFO_KIND, IFLA_INFO_DATA, IFLA_INFO_SLAVE_KIND = 1, 2, 4


def info(network: Network, nic: Nic) -> bytes:
    """IFLA_LINKINFO of a link that has a kind, and what it is tied to."""
    link = own_link(nic)
    if link is None:
        return b""
    body = nl.string(IFLA_INFO_KIND, link.kind)
    if link.kind == TUN:
        from sandbox.sockets.inet.tun import TunLink, link_data

        assert isinstance(link, TunLink)
        body += nl.attribute(IFLA_INFO_DATA, link_data(link))
    if link.kind == VLAN:
        from sandbox.sockets.inet.vlan import VlanLink
        from sandbox.sockets.netlink import vlan_change

        assert isinstance(link, VlanLink)
        body += nl.attribute(IFLA_INFO_DATA, vlan_change.told(link))
    if link.kind == MACVLAN:
        from sandbox.sockets.inet.macvlan import MacVlanLink
        from sandbox.sockets.netlink import macvlan_change

        assert isinstance(link, MacVlanLink)
        body += nl.attribute(IFLA_INFO_DATA, macvlan_change.told(link))
    parts = []
    if link.port is not None and link.port.device.nic is not None:
        parts.append(nl.u32(IFLA_MASTER, link.port.device.nic.number))
        body += nl.string(IFLA_INFO_SLAVE_KIND, BRIDGE)
    other = link.tied_to()
    if other is not None:
        parts.append(nl.u32(IFLA_LINK, other.number))
        end = own_link(other)
        far = end.network if end is not None else None
        if far is not None and far is not network:
            parts.append(nl.u32(IFLA_LINK_NETNSID, namespace_ids.id_of(network, far)))
    return b"".join((*parts, nl.attribute(IFLA_LINKINFO, body)))

"""What drivers of links without hardware say of them (drivers/net/{veth,dummy,tun}.c, net/bridge/br_device.c, net/8021q/vlan_dev.c):
the same for SIOCETHTOOL and for the netlink family `ethtool`. None: the driver has nothing to say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.sockets.inet.bridge import BridgeLink
from sandbox.sockets.inet.link_state import carries
from sandbox.sockets.inet.own_links import BRIDGE, DUMMY, MACVLAN, TUN, VETH, VLAN, kind_of, own_link

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic

SOFTWARE_TX: Final = 2  # SOF_TIMESTAMPING_*
SOFTWARE_TIMES: Final = SOFTWARE_TX | 8 | 16
UNKNOWN: Final = 0xFFFFFFFF  # SPEED_UNKNOWN
_SPEED: Final = 10000
_FULL: Final = 1
_TWISTED_PAIR: Final = 0
_OTHER: Final = 255  # DUPLEX_UNKNOWN, PORT_OTHER
_ON_OTHERS: Final = (MACVLAN, VLAN)  # these say what the one below does
_DRIVERS: Final = {
    VETH: (b"veth", b"1.0", b"", b""),
    BRIDGE: (b"bridge", b"2.3", b"N/A", b"N/A"),
    DUMMY: (b"dummy", b"1.0", b"", b""),
    TUN: (b"tun", b"1.6", b"", b"tun"),
    MACVLAN: (b"macvlan", b"0.1", b"", b""),
    VLAN: (b"802.1Q VLAN Support", b"1.8", b"N/A", b""),
}


def driver(nic: Nic) -> tuple[bytes, bytes, bytes, bytes] | None:
    """Name, version, version of the firmware, bus."""
    known = _DRIVERS.get(kind_of(nic))
    if known is not None and kind_of(nic) == TUN and nic.mac:
        return (*known[:3], b"tap")
    return known


def settings(nic: Nic) -> tuple[int, int, int] | None:
    """Speed in Mb/s, duplex, port."""
    link = own_link(nic)
    if isinstance(link, BridgeLink):
        carrying = any([carries(port.nic) for port in link.ports])
        return _SPEED if carrying else UNKNOWN, _OTHER, _OTHER
    if link is not None and link.kind in _ON_OTHERS:
        below = link.tied_to()
        return settings(below) if below is not None else None
    return (_SPEED, _FULL, _TWISTED_PAIR) if link is not None and link.kind in (VETH, TUN) else None


def detected(nic: Nic) -> bool | None:
    """It is up, and carries."""
    if kind_of(nic) == DUMMY or (own_link(nic) is None and not nic.loopback):
        return None
    return nic.up and carries(nic)


def times(nic: Nic) -> int:
    """SOF_TIMESTAMPING_* that it can do."""
    link = own_link(nic)
    if link is not None and link.kind in _ON_OTHERS:
        below = link.tied_to()
        return times(below) if below is not None else SOFTWARE_TIMES & ~SOFTWARE_TX
    return SOFTWARE_TIMES & ~SOFTWARE_TX if kind_of(nic) == BRIDGE else SOFTWARE_TIMES


def statistics(nic: Nic) -> list[tuple[str, int]] | None:
    """Names and values."""
    link = own_link(nic)
    if link is None or link.kind != VETH:
        return None
    other = link.other_end()
    return [("peer_ifindex", other.number if other is not None else 0)]

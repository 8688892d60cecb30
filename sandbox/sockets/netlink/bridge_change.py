"""What bridge(8) changes: how a port treats frames (RTM_SETLINK of AF_BRIDGE, net/bridge/br_netlink.c), and what the forwarding
table says (RTM_NEWNEIGH and RTM_DELNEIGH of AF_BRIDGE, net/core/rtnetlink.c: rtnl_fdb_add, net/bridge/br_fdb.c).

As on a kernel without CONFIG_BRIDGE_VLAN_FILTERING there are no VLANs. Ports are as the carrier has them: forwarding or disabled.
Not supported: spanning tree, snooping, addresses that an interface itself listens to (`self`): EOPNOTSUPP.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.sockets.inet.bridge import BridgeLink, PortLink
from sandbox.sockets.inet.link_state import carries
from sandbox.sockets.inet.own_links import own_link
from sandbox.sockets.netlink import message as nl

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.netlink.message import Request
    from tcpip.link.bridge import BridgePort

AF_BRIDGE: Final = 7
RTM_SETLINK: Final = 19
RTM_NEWNEIGH: Final = 28
_IFINFO_SIZE: Final = 16
_PROTINFO, _AF_SPEC, _BRIDGE_FLAGS, _VLAN_INFO = 12, 26, 0, 2
_MASTER_FLAG, _SELF_FLAG = 1, 2
_STATE, _PRIORITY, _COST = 1, 2, 3
_HAIRPIN, _LEARNING, _FLOOD, _FLOOD_GROUPS, _FLOOD_BROADCAST, _ISOLATED = 4, 8, 9, 27, 30, 33
_OFF: Final = frozenset(
    (5, 6, 7, 10, 12, 28, 29, 32, 39)
)  # guard, root_block, fastleave … locked: they are off, and stay so
_FORWARDING, _BLOCKING = 3, 4
_PRIORITY_MOST: Final = 63
_COST_MOST: Final = 65535

_NDMSG: Final = struct.Struct("<B3xiHBB")
_LLADDR: Final = 2
_NTF_SELF, _NTF_MASTER = 2, 4
NUD_REACHABLE: Final = 2
NUD_NOARP: Final = 0x40
NUD_PERMANENT: Final = 0x80
_BULK: Final = 0x200  # NLM_F_BULK


# --- ports ---


def port_attributes(port: PortLink, state: int) -> bytes:
    """IFLA_PROTINFO of a port (br_port_fill_attrs)."""
    place = port.place
    flags = (
        (_HAIRPIN, place.hairpin),
        (5, False),
        (6, False),
        (7, False),
        (28, False),
        (_LEARNING, place.learning),
        (_FLOOD, place.flood),
        (_FLOOD_GROUPS, place.flood_groups),
        (_FLOOD_BROADCAST, place.flood_broadcast),
        (10, False),
        (12, False),
        (29, False),
        (32, False),
        (_ISOLATED, place.isolated),
        (39, False),
    )
    parts = [
        nl.u8(_STATE, state),
        nl.attribute(_PRIORITY, port.priority.to_bytes(2, "little")),
        nl.u32(_COST, port.cost),
    ]
    return b"".join([*parts, *(nl.u8(kind, int(value)) for kind, value in flags)])


def set_link(network: Network, request: Request) -> None:
    """RTM_SETLINK and RTM_DELLINK (rtnl_bridge_setlink). ENODEV, ENETDOWN, ERANGE, EINVAL; EOPNOTSUPP for what is no port, for VLANs
    and for what no port here can."""
    number = int.from_bytes(request.body[4:8], "little")
    attributes = request.attributes(_IFINFO_SIZE)
    nic = network.stack.nics.get(number)
    if nic is None:
        raise nl.Refusal(errno.ENODEV, "unknown ifindex")
    special = nl.attributes_in(attributes.get(_AF_SPEC, b""))
    flags = int.from_bytes(special.get(_BRIDGE_FLAGS, b"")[:2], "little")
    link = own_link(nic)
    port = link.port if link is not None else None
    if flags & _SELF_FLAG or (port is None and not isinstance(link, BridgeLink)):
        raise SyscallError(errno.EOPNOTSUPP)
    if request.type != RTM_SETLINK:
        return  # a VLAN that is not there goes without a word
    if port is None or _VLAN_INFO in special or _AF_SPEC in attributes and not special:
        raise SyscallError(errno.EOPNOTSUPP)
    if _PROTINFO in attributes:
        _set_port(port, nl.attributes_in(attributes[_PROTINFO]))


def _set_port(port: PortLink, asked: dict[int, bytes]) -> None:
    values = {kind: int.from_bytes(value[:4], "little") for kind, value in asked.items()}
    place = port.place
    if values.get(_STATE, _FORWARDING) > _BLOCKING:
        raise SyscallError(errno.EINVAL)
    if _STATE in values and not carries(port.nic):
        raise SyscallError(errno.ENETDOWN)
    supported = {_STATE, _PRIORITY, _COST, _HAIRPIN, _LEARNING, _FLOOD, _FLOOD_GROUPS, _FLOOD_BROADCAST, _ISOLATED}
    if set(values) - supported - _OFF or any([values.get(kind, 0) for kind in _OFF]):
        raise SyscallError(errno.EOPNOTSUPP)
    if values.get(_STATE, _FORWARDING) != _FORWARDING:
        raise SyscallError(errno.EOPNOTSUPP)
    if not 1 <= values.get(_COST, 1) <= _COST_MOST or values.get(_PRIORITY, 0) > _PRIORITY_MOST:
        raise SyscallError(errno.ERANGE)
    port.cost = values.get(_COST, port.cost)
    port.priority = values.get(_PRIORITY, port.priority)
    place.hairpin = bool(values.get(_HAIRPIN, place.hairpin))
    place.learning = bool(values.get(_LEARNING, place.learning))
    place.flood = bool(values.get(_FLOOD, place.flood))
    place.flood_groups = bool(values.get(_FLOOD_GROUPS, place.flood_groups))
    place.flood_broadcast = bool(values.get(_FLOOD_BROADCAST, place.flood_broadcast))
    place.isolated = bool(values.get(_ISOLATED, place.isolated))
    if port.nic.stack.watch is not None:
        port.nic.stack.watch.link_changed(port.nic)


# --- the forwarding table ---


def change_entry(network: Network, request: Request) -> None:
    """RTM_NEWNEIGH and RTM_DELNEIGH: EINVAL, ENODEV, ENOENT, EEXIST, EPERM, EOPNOTSUPP."""
    _, number, state, flags, _ = request.header(_NDMSG)
    mac = request.attributes(_NDMSG.size).get(_LLADDR, b"")
    bulk = request.type != RTM_NEWNEIGH and request.flags & _BULK
    if not number:
        raise nl.Refusal(errno.EINVAL, "invalid ifindex")
    nic = network.stack.nics.get(number)
    if nic is None:
        raise nl.Refusal(errno.ENODEV, "unknown ifindex")
    if not bulk and len(mac) != 6:
        raise nl.Refusal(errno.EINVAL, "invalid address")
    if nic.loopback:
        what = "add" if request.type == RTM_NEWNEIGH else "delete"
        raise nl.Refusal(errno.EINVAL, f"FDB {what} only supported for Ethernet devices")
    link = own_link(nic)
    port = link.port if link is not None else None
    device: BridgeLink | None = None
    if isinstance(link, BridgeLink) and flags & _NTF_SELF:
        device = link
    elif port is not None and (not flags or flags & _NTF_MASTER) and not flags & _NTF_SELF:
        device = port.device
    if device is None:
        raise SyscallError(errno.EOPNOTSUPP)
    if bulk:
        _flush(device, port)
    elif request.type == RTM_NEWNEIGH:
        _add(device, port, mac, state, request.flags)
    else:
        _delete(device, port, mac)


def _add(device: BridgeLink, port: PortLink | None, mac: bytes, state: int, flags: int) -> None:
    """fdb_add_entry: a permanent entry is the bridge's own address, a static one does not move."""
    if not any(mac):
        raise SyscallError(errno.EINVAL)
    local = state & NUD_PERMANENT != 0 or port is None
    if not local and not state & NUD_NOARP and port is not None and not carries(port.nic):
        raise SyscallError(errno.EPERM)
    known = mac in device.said or mac in device.bridge.table
    if not known and not flags & nl.NLM_F_CREATE:
        raise SyscallError(errno.ENOENT)
    if known and flags & nl.NLM_F_EXCL:
        raise SyscallError(errno.EEXIST)
    bridge = device.bridge
    bridge.table.pop(mac, None)
    bridge.fixed.pop(mac, None)
    device.said.pop(mac, None)
    place: BridgePort = device.own if port is None else port.place
    if local or state & NUD_NOARP:
        if len(device.said) >= MOST_SAID:
            raise SyscallError(errno.ENOMEM)
        bridge.fixed[mac] = device.own if local else place
        device.said[mac] = (port, NUD_PERMANENT if local else NUD_NOARP)
    else:
        bridge.learn(mac, place)


MOST_SAID: Final = 1024


def _delete(device: BridgeLink, port: PortLink | None, mac: bytes) -> None:
    bridge = device.bridge
    if mac in device.said and device.said[mac][0] is port:
        del device.said[mac]
        bridge.fixed.pop(mac, None)
    elif port is not None and bridge.table.get(mac) is port.place:
        del bridge.table[mac]
    else:
        raise SyscallError(errno.ENOENT)


def _flush(device: BridgeLink, port: PortLink | None) -> None:
    """br_fdb_delete_bulk: of a port, or of all of them."""
    bridge = device.bridge
    for mac in [mac for mac, (other, _) in device.said.items() if port in (None, other)]:
        del device.said[mac]
        bridge.fixed.pop(mac, None)
    for mac in [mac for mac, place in bridge.table.items() if port is None or place is port.place]:
        del bridge.table[mac]

"""The forwarding tables of bridges (net/bridge/br_fdb.c: br_fdb_dump): their own addresses, their ports', what was learnt."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.sockets.inet.bridge import BridgeLink, PortLink
from sandbox.sockets.inet.own_links import own_link
from sandbox.sockets.netlink import message as nl

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.netlink.message import Request
    from tcpip.stack.nic import Nic

AF_BRIDGE: Final = 7
_NDMSG: Final = struct.Struct("<B3xiHBB")  # family, interface, state, flags, type
_IFINFO_SIZE: Final = 16
_LLADDR, _MASTER, _IFLA_MASTER = 2, 9, 10
_REACHABLE: Final = 2
_PERMANENT: Final = 0x80


def bodies(network: Network, request: Request, strict: bool) -> list[bytes]:
    """struct ndmsg and attributes of each entry; of an interface or a bridge where the request names one. Who does not check
    strictly asks with struct ifinfomsg."""
    device = int.from_bytes(request.body[4:8], "little")
    if strict:
        named = request.attributes(_NDMSG.size).get(_MASTER, b"")
    else:
        named = request.attributes(_IFINFO_SIZE).get(_IFLA_MASTER, b"")
    master = int.from_bytes(named[:4], "little")
    found: list[bytes] = []
    for number, nic in sorted(network.stack.nics.items()):
        link = own_link(nic)
        if isinstance(link, BridgeLink) and master in (0, number):
            found += [body for index, body in _entries(nic, link) if device in (0, index)]
    return found


def _entries(bridge: Nic, link: BridgeLink) -> list[tuple[int, bytes]]:
    """With the number of the interface that each is of."""
    own = {nic.mac: nic for nic in (bridge, *(port.nic for port in link.ports)) if any(nic.mac)}
    entries = [(nic.number, _entry(bridge, nic, mac, _PERMANENT)) for mac, nic in own.items() if mac not in link.said]
    for mac, (said_of, state) in link.said.items():
        nic = bridge if said_of is None else said_of.nic
        entries.append((nic.number, _entry(bridge, nic, mac, state)))
    for mac, port in link.bridge.table.items():
        if mac not in own and isinstance(port.link, PortLink):
            nic = port.link.nic
            entries.append((nic.number, _entry(bridge, nic, mac, _REACHABLE)))
    return entries


def one(network: Network, request: Request) -> bytes:
    """RTM_GETNEIGH of one address in a bridge's table (rtnl_fdb_get): EINVAL, ENODEV, ENOENT."""
    number = int.from_bytes(request.body[4:8], "little")
    asked = request.attributes(_NDMSG.size)
    mac, master = asked.get(_LLADDR, b""), int.from_bytes(asked.get(_MASTER, b"")[:4], "little")
    nic = network.stack.nics.get(number or master)
    if len(mac) != 6 or not number | master:
        raise nl.Refusal(errno.EINVAL, "Invalid address" if number | master else "No device specified")
    if nic is None:
        raise nl.Refusal(errno.ENODEV, "Unknown device ifindex")
    link = own_link(nic)
    device = link.port.device if number and link is not None and link.port is not None else link
    if not isinstance(device, BridgeLink) or device.nic is None:
        raise nl.Refusal(errno.EOPNOTSUPP, "Get operation not supported by device")
    for _, body in _entries(device.nic, device):
        if nl.attributes_in(body[_NDMSG.size :])[_LLADDR] == mac:
            return body
    raise nl.Refusal(errno.ENOENT, "Fdb entry not found")


def _entry(bridge: Nic, nic: Nic, mac: bytes, state: int) -> bytes:
    return _NDMSG.pack(AF_BRIDGE, nic.number, state, 0, 0) + nl.attribute(_LLADDR, mac) + nl.u32(_MASTER, bridge.number)

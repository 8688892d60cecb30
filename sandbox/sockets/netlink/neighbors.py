"""Neighbours over rtnetlink: what `ip neigh` shows, adds, replaces, deletes and flushes (net/core/neighbour.c).

Not supported: proxy entries, entries that are not resolved or not to be (`nud none`, `incomplete`, `noarp`), forwarding tables
of bridges: EOPNOTSUPP. The times of NDA_CACHEINFO are not kept and are 0.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.socket import AF_INET, AF_INET6, AF_UNSPEC
from sandbox.errors import SyscallError
from sandbox.sockets.netlink import message as nl
from tcpip.network.neighbor import DELAY, FAILED, INCOMPLETE, PERMANENT, PROBE, REACHABLE, STALE

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.netlink.message import Request
    from tcpip.network.neighbor import Neighbor
    from tcpip.stack.nic import Nic

RTM_NEWNEIGH: Final = 28
RTM_DELNEIGH: Final = 29
MOST: Final = 4096  # of all interfaces of a stack, when one more is set
_NDMSG: Final = struct.Struct("<BxxxiHBB")
_DST, _LLADDR, _CACHEINFO, _PROBES, _IFINDEX, _PROTOCOL = 1, 2, 3, 4, 8, 12
_NTF_USE: Final = 1
_NTF_ROUTER: Final = 0x80
_RTN_UNICAST: Final = 1
_NUD: Final = {INCOMPLETE: 1, REACHABLE: 2, STALE: 4, DELAY: 8, PROBE: 16, FAILED: 32, PERMANENT: 128}
_STATES: Final = {2: REACHABLE, 4: STALE, 8: DELAY, 16: PROBE, 32: FAILED, 128: PERMANENT}


def body(neighbor: Neighbor) -> bytes:
    """struct ndmsg and attributes (neigh_fill_info)."""
    family = AF_INET if len(neighbor.addr) == 4 else AF_INET6
    flags = _NTF_ROUTER if neighbor.is_router else 0
    state = _NUD[neighbor.state]
    parts = [_NDMSG.pack(family, neighbor.nic.number, state, flags, _RTN_UNICAST), nl.attribute(_DST, neighbor.addr)]
    if neighbor.mac:
        parts.append(nl.attribute(_LLADDR, neighbor.mac))
    return b"".join((*parts, nl.u32(_PROBES, neighbor.probes), nl.attribute(_CACHEINFO, bytes(16))))


def get(network: Network, request: Request, port: int) -> list[bytes]:
    """RTM_GETNEIGH: all, of a family, of an interface; or one. EINVAL, ENODEV, ENOENT."""
    if not request.dump:
        nic, addr = _named(network, request)
        found = nic.neighbors.find(addr)
        if found is None:
            raise nl.Refusal(errno.ENOENT, "Neighbour entry not found")
        return [nl.message(RTM_NEWNEIGH, 0, request.seq, port, body(found))]
    family = request.body[0] if request.body else AF_UNSPEC
    wanted = request.attributes(_NDMSG.size).get(_IFINDEX, b"") if len(request.body) >= _NDMSG.size else b""
    index = int.from_bytes(wanted[:4], "little")
    bodies = []
    for nic in network.stack.nics.values():
        if index and nic.number != index:
            continue
        for addr, neighbor in nic.neighbors.entries.items():
            if family in (AF_UNSPEC, AF_INET if len(addr) == 4 else AF_INET6):
                bodies.append(body(neighbor))
    return nl.dump(request, port, RTM_NEWNEIGH, bodies, filtered=bool(index))


def _named(network: Network, request: Request) -> tuple[Nic, bytes]:
    """The interface and the address that a request is about."""
    family, index, _, flags, _ = request.header(_NDMSG)
    addr = request.attributes(_NDMSG.size).get(_DST)
    if family not in (AF_INET, AF_INET6) or flags & ~(_NTF_ROUTER | _NTF_USE):
        raise SyscallError(errno.EOPNOTSUPP)
    if addr is None:
        raise SyscallError(errno.EINVAL)
    nic = network.stack.nics.get(index)
    if nic is None:
        raise SyscallError(errno.ENODEV if index else errno.EINVAL)
    if len(addr) != (4 if family == AF_INET else 16):
        raise SyscallError(errno.EINVAL)
    return nic, addr


def nic_of(network: Network, request: Request) -> Nic:
    """Whose table RTM_NEWNEIGH or RTM_DELNEIGH is about."""
    return _named(network, request)[0]


def add(network: Network, request: Request) -> None:
    """RTM_NEWNEIGH (neigh_add). EEXIST, ENOENT, EINVAL for no link address, EOPNOTSUPP for other states."""
    nic, addr = _named(network, request)
    attributes = request.attributes(_NDMSG.size)
    state = _STATES.get(request.header(_NDMSG)[2])
    mac = attributes.get(_LLADDR, b"")
    if _LLADDR in attributes and len(mac) < 6:
        raise SyscallError(errno.EINVAL)
    old = nic.neighbors.find(addr)
    if old is None and not request.flags & nl.NLM_F_CREATE:
        raise SyscallError(errno.ENOENT)
    if old is not None and request.flags & nl.NLM_F_EXCL:
        raise SyscallError(errno.EEXIST)
    if old is None and sum([len(one.neighbors.entries) for one in network.stack.nics.values()]) >= MOST:
        raise SyscallError(errno.ENOBUFS)
    if request.header(_NDMSG)[3] & _NTF_USE and nic.has_arp:
        nic.neighbors.get(addr).use()
        return
    if state is None or not nic.has_arp or set(attributes) - {_DST, _LLADDR, _PROBES, _CACHEINFO, _PROTOCOL}:
        raise SyscallError(errno.EOPNOTSUPP)
    known = old.mac if old is not None else b""
    if state == FAILED:
        mac = b""
    elif known and not (mac and request.flags & nl.NLM_F_REPLACE):
        mac = known
    elif not mac:
        raise nl.Refusal(errno.EINVAL, "No link layer address given")
    entry = nic.neighbors.get(addr)
    if (entry.state, entry.mac) != (state, mac):
        entry.set(mac[:6], state)


def delete(network: Network, request: Request) -> None:
    """RTM_DELNEIGH (neigh_delete): it fails first, and goes then. ENOENT."""
    nic, addr = _named(network, request)
    found = nic.neighbors.find(addr)
    if found is None:
        raise SyscallError(errno.ENOENT)
    if found.state != FAILED:
        found.set(b"", FAILED)
    nic.neighbors.remove(addr)

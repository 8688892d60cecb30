"""Whom a member of a multicast group listens to: source-specific membership, and sources that are blocked.

The endpoint filters; the host goes on asking its routers for every source.
Source: ip(7), RFC 3678 4.1, 5.1, net/ipv4/igmp.c: ip_mc_source, ip_mc_sf_allow, net/ipv6/mcast.c: ip6_mc_source.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import AF_INET, AF_INET6
from tcpip.errors import NetworkError

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic
    from tcpip.transport.memberships import Memberships

MAX_SOURCES: Final = {4: 10, 16: 64}
"""net.ipv4.igmp_max_msf, net.ipv6.mld_max_msf."""
_MREQ_SOURCE: Final = struct.Struct("=4s4s4s")
_GROUP_SOURCE_REQ: Final = struct.Struct("=I4x128s128s")

# Each option: whether the list is of sources to hear (else of those not to), and whether one is added.
_BY_ADDRESS: Final = {
    so.IP_ADD_SOURCE_MEMBERSHIP: (True, True),
    so.IP_DROP_SOURCE_MEMBERSHIP: (True, False),
    so.IP_BLOCK_SOURCE: (False, True),
    so.IP_UNBLOCK_SOURCE: (False, False),
}
_BY_NUMBER: Final = {
    so.MCAST_JOIN_SOURCE_GROUP: (True, True),
    so.MCAST_LEAVE_SOURCE_GROUP: (True, False),
    so.MCAST_BLOCK_SOURCE: (False, True),
    so.MCAST_UNBLOCK_SOURCE: (False, False),
}


class SourceFilter:
    """`include`: only `sources` are heard; else all but them."""

    __slots__ = ("include", "sources")

    def __init__(self, include: bool) -> None:
        self.include = include
        self.sources: list[bytes] = []

    def hears(self, source: bytes) -> bool:
        """Packets from there are wanted."""
        return (source in self.sources) == self.include


def set_source(members: Memberships, family: int, level: int, name: int, value: int | bytes) -> bool:
    """setsockopt(2); False when the option is none of these."""
    if level == so.SOL_IP and name in _BY_ADDRESS:
        if isinstance(value, int) or len(value) != _MREQ_SOURCE.size:
            raise NetworkError(errors.INVALID_ARGUMENT)
        group, local, source = _MREQ_SOURCE.unpack(value)
        _change(members, *_BY_ADDRESS[name], group, members.nic_for(group, 0, local), source)
        return True
    if name not in _BY_NUMBER or (level == so.SOL_IPV6 and family == AF_INET) or level not in (so.SOL_IP, so.SOL_IPV6):
        return False
    if isinstance(value, int) or len(value) < _GROUP_SOURCE_REQ.size:
        raise NetworkError(errors.INVALID_ARGUMENT)
    number, group, source = _GROUP_SOURCE_REQ.unpack_from(value)
    wanted = (AF_INET if level == so.SOL_IP else AF_INET6).to_bytes(2, "little")
    if group[:2] != wanted or source[:2] != wanted:
        raise NetworkError(errors.ADDRESS_NOT_AVAILABLE)
    where = slice(4, 8) if level == so.SOL_IP else slice(8, 24)
    _change(members, *_BY_NUMBER[name], group[where], members.nic_for(group[where], number, b""), source[where])
    return True


def _change(members: Memberships, include: bool, add: bool, group: bytes, nic: Nic, source: bytes) -> None:
    """INVALID_ARGUMENT: not a member, or the list is of the other kind; ADDRESS_NOT_AVAILABLE: there already, or not
    there; NO_BUFFER_SPACE."""
    key = (group, nic.number)
    if key not in members.joined:
        if not (include and add):
            raise NetworkError(errors.INVALID_ARGUMENT)
        members.change(True, group, nic)
        members.filters[key] = SourceFilter(True)
    kept = members.filters.get(key)
    if kept is None or (not kept.sources and kept.include != include):
        kept = members.filters[key] = SourceFilter(include)
    if kept.include != include:
        raise NetworkError(errors.INVALID_ARGUMENT)
    if (source in kept.sources) == add:
        raise NetworkError(errors.ADDRESS_NOT_AVAILABLE)
    if not add:
        kept.sources.remove(source)
        if include and not kept.sources:
            members.change(False, group, nic)
    elif len(kept.sources) >= MAX_SOURCES[len(group)]:
        raise NetworkError(errors.NO_BUFFER_SPACE)
    else:
        kept.sources.append(source)

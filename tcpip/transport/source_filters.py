"""Whom a member of a multicast group listens to: source-specific membership, and sources that are blocked.

The endpoint filters; its NIC merges the filters of all and tells routers.
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
    """`include`: only `sources` are heard; else all but them. `listed`: there has been a list, so the mode stays."""

    __slots__ = ("include", "sources", "listed")

    def __init__(self, include: bool) -> None:
        self.include = include
        self.sources: list[bytes] = []
        self.listed = False

    def hears(self, source: bytes) -> bool:
        """Packets from there are wanted."""
        return (source in self.sources) == self.include


def max_sources(members: Memberships, size: int) -> int:
    """net.ipv4.igmp_max_msf, net.ipv6.mld_max_msf."""
    settings = members.stack.group_settings
    return settings.igmp_max_msf if size == 4 else settings.mld_max_msf


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


_MSFILTER: Final = struct.Struct("=4s4sII")
_GROUP_FILTER: Final = struct.Struct("=I4x128sII")
_STORAGE: Final = 128
_EXCLUDE: Final = 0
_INCLUDE: Final = 1


def set_whole_filter(members: Memberships, family: int, level: int, name: int, value: int | bytes) -> bool:
    """IP_MSFILTER, MCAST_MSFILTER: mode and list at once (RFC 3678 4.1.3, 5.1.4); False when the option is neither."""
    if (level, name) == (so.SOL_IP, so.IP_MSFILTER):
        if isinstance(value, int) or len(value) < _MSFILTER.size:
            raise NetworkError(errors.INVALID_ARGUMENT)
        group, local, mode, count = _MSFILTER.unpack_from(value)
        number, size, width, skip = 0, 4, 4, _MSFILTER.size
    elif name == so.MCAST_MSFILTER and (level == so.SOL_IP or (level == so.SOL_IPV6 and family == AF_INET6)):
        if isinstance(value, int) or len(value) < _GROUP_FILTER.size:
            raise NetworkError(errors.INVALID_ARGUMENT)
        number, storage, mode, count = _GROUP_FILTER.unpack_from(value)
        size, width, skip, local = (4 if level == so.SOL_IP else 16), _STORAGE, _GROUP_FILTER.size, b""
        group = _address(storage, size)
    else:
        return False
    if count > max_sources(members, size):
        raise NetworkError(errors.NO_BUFFER_SPACE)
    if len(value) < skip + count * width:
        raise NetworkError(errors.INVALID_ARGUMENT)
    pieces = [value[skip + n * width : skip + (n + 1) * width] for n in range(count)]
    sources = pieces if width == 4 else [_address(piece, size) for piece in pieces]
    _replace(members, group, members.nic_for(group, number, local), mode, sources)
    return True


def _address(storage: bytes, size: int) -> bytes:
    """Of a struct sockaddr_storage. ADDRESS_NOT_AVAILABLE: of another family."""
    if storage[:2] != (AF_INET if size == 4 else AF_INET6).to_bytes(2, "little"):
        raise NetworkError(errors.ADDRESS_NOT_AVAILABLE)
    return storage[4:8] if size == 4 else storage[8:24]


def _replace(members: Memberships, group: bytes, nic: Nic, mode: int, sources: list[bytes]) -> None:
    """ip_mc_msfilter, ip6_mc_msfilter: to hear nobody is to leave."""
    if mode not in (_EXCLUDE, _INCLUDE):
        raise NetworkError(errors.INVALID_ARGUMENT)
    key = (group, nic.number)
    if mode == _INCLUDE and not sources:
        members.change(False, group, nic)
        return
    if key not in members.joined:
        raise NetworkError(errors.INVALID_ARGUMENT)
    before = members.filters.get(key) or SourceFilter(False)
    chosen = SourceFilter(mode == _INCLUDE)
    chosen.sources = list(sources)
    chosen.listed = bool(sources)
    members.filters[key] = chosen
    listener = nic.listener(group)
    listener.change(group, chosen.include, chosen.sources, True, True)
    listener.change(group, before.include, before.sources, False, True)


def get_whole_filter(members: Memberships, level: int, name: int, asked: bytes) -> bytes:
    """getsockopt of the two with the argument as it was given: the filter, and as many sources as there was room for.
    INVALID_ARGUMENT, ADDRESS_NOT_AVAILABLE, NO_SUCH_DEVICE."""
    by_number = name == so.MCAST_MSFILTER
    layout = _GROUP_FILTER if by_number else _MSFILTER
    if len(asked) < layout.size:
        raise NetworkError(errors.INVALID_ARGUMENT)
    size = 4 if level == so.SOL_IP else 16
    if by_number:
        number, storage, _, room = _GROUP_FILTER.unpack_from(asked)
        group, local = _address(storage, size), b""
    else:
        group, local, _, room = _MSFILTER.unpack_from(asked)
        number = 0
    nic = members.nic_for(group, number, local)
    key = (group, nic.number)
    if key not in members.joined:
        raise NetworkError(errors.ADDRESS_NOT_AVAILABLE)
    kept = members.filters.get(key) or SourceFilter(False)
    mode = _INCLUDE if kept.include else _EXCLUDE
    shown = kept.sources[:room]
    if not by_number:
        return _MSFILTER.pack(group, local, mode, len(kept.sources)) + b"".join(shown)
    head = _GROUP_FILTER.pack(number, storage, mode, len(kept.sources))
    return head + b"".join([_storage(source) for source in shown])


def _storage(source: bytes) -> bytes:
    if len(source) == 4:
        return (AF_INET.to_bytes(2, "little") + bytes(2) + source).ljust(_STORAGE, b"\0")
    return (AF_INET6.to_bytes(2, "little") + bytes(6) + source).ljust(_STORAGE, b"\0")


def _change(members: Memberships, include: bool, add: bool, group: bytes, nic: Nic, source: bytes) -> None:
    """INVALID_ARGUMENT: not a member, or the list is of the other kind; ADDRESS_NOT_AVAILABLE: there already, or not
    there; NO_BUFFER_SPACE."""
    key = (group, nic.number)
    if key not in members.joined:
        if not (include and add):
            raise NetworkError(errors.INVALID_ARGUMENT)
        members.change(True, group, nic, True)
    listener = nic.listener(group)
    kept = members.filters.get(key)
    if kept is None:
        kept = members.filters[key] = SourceFilter(False)
    if kept.include != include:
        if kept.listed:
            raise NetworkError(errors.INVALID_ARGUMENT)
        listener.change(group, include, (), True, True)
        listener.change(group, kept.include, (), False, True)
        kept.include = include
    if (source in kept.sources) == add:
        raise NetworkError(errors.ADDRESS_NOT_AVAILABLE)
    if not add:
        if include and len(kept.sources) == 1:
            members.change(False, group, nic)
            return
        kept.sources.remove(source)
        listener.change(group, include, (source,), False)
    elif len(kept.sources) >= max_sources(members, len(group)):
        raise NetworkError(errors.NO_BUFFER_SPACE)
    else:
        kept.sources.append(source)
        kept.listed = True
        listener.change(group, include, (source,), True)

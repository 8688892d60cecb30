"""Multicast memberships of one endpoint, and where its multicasts leave.

Source of behaviour: ip(7) IP_ADD_MEMBERSHIP, ipv6(7), net/ipv4/igmp.c.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import AF_INET, is_any, is_multicast
from tcpip.errors import NetworkError
from tcpip.transport.option_values import int_value
from tcpip.transport.source_filters import SourceFilter, set_source, set_whole_filter

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic
    from tcpip.stack.stack import Stack

_MREQ: Final = struct.Struct("=4s4s")
_MREQN: Final = struct.Struct("=4s4si")
_MREQ6: Final = struct.Struct("=16si")


class Memberships:
    """(group, NIC) pairs, in the order in which they were joined."""

    __slots__ = ("stack", "joined", "filters", "out_nic", "out_addr", "out_nic6")

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.joined: dict[tuple[bytes, int], None] = {}
        self.filters: dict[tuple[bytes, int], SourceFilter] = {}
        self.out_nic = 0
        self.out_addr = b""
        self.out_nic6 = 0

    def out_nic_for(self, group: bytes) -> int:
        """The interface that multicasts to `group` leave by, 0 when the routes decide."""
        return self.out_nic if len(group) == 4 else self.out_nic6

    def receives(self, group: bytes, nic: int, source: bytes, all_groups: bool) -> bool:
        """Whether the endpoint wants packets to `group`: it joined, or takes whatever the host takes (IP_MULTICAST_ALL)."""
        if (group, nic) not in self.joined:
            return all_groups
        chosen = self.filters.get((group, nic))
        return chosen is None or chosen.hears(source)

    def set_option(self, family: int, level: int, name: int, value: int | bytes) -> bool:
        """Handle an option of ours; False when it is none."""
        if set_source(self, family, level, name, value) or set_whole_filter(self, family, level, name, value):
            return True
        if level == so.SOL_IP:
            if name in (so.IP_ADD_MEMBERSHIP, so.IP_DROP_MEMBERSHIP):
                group, nic = self._mreq(value)
                self.change(name == so.IP_ADD_MEMBERSHIP, group, nic)
            elif name == so.IP_MULTICAST_IF:
                self._set_out(value)
            elif name in (so.MCAST_JOIN_GROUP, so.MCAST_LEAVE_GROUP):
                self._group_req(name == so.MCAST_JOIN_GROUP, value, 4)
            else:
                return False
            return True
        if level != so.SOL_IPV6 or family == AF_INET:
            return False
        if name in (so.IPV6_ADD_MEMBERSHIP, so.IPV6_DROP_MEMBERSHIP):
            if isinstance(value, int) or len(value) < 20:
                raise NetworkError(errors.INVALID_ARGUMENT)
            group6, number = _MREQ6.unpack_from(value)
            self.change(name == so.IPV6_ADD_MEMBERSHIP, group6, self.nic_for(group6, number, b""))
        elif name == so.IPV6_MULTICAST_IF:
            number = int_value(value)
            if number and number not in self.stack.nics:
                raise NetworkError(errors.NO_SUCH_DEVICE)
            self.out_nic6 = number
        elif name in (so.MCAST_JOIN_GROUP, so.MCAST_LEAVE_GROUP):
            self._group_req(name == so.MCAST_JOIN_GROUP, value, 16)
        else:
            return False
        return True

    def get_option(self, level: int, name: int) -> int | bytes | None:
        """IP_MULTICAST_IF answers an address, IPV6_MULTICAST_IF an interface."""
        if (level, name) == (so.SOL_IP, so.IP_MULTICAST_IF):
            return self.out_addr or bytes(4)
        if (level, name) == (so.SOL_IPV6, so.IPV6_MULTICAST_IF):
            return self.out_nic6
        return None

    def _mreq(self, value: int | bytes) -> tuple[bytes, Nic]:
        if isinstance(value, int) or len(value) < 8:
            raise NetworkError(errors.INVALID_ARGUMENT)
        number = 0
        if len(value) >= 12:
            group, local, number = _MREQN.unpack_from(value)
        else:
            group, local = _MREQ.unpack_from(value)
        return group, self.nic_for(group, number, local)

    def _set_out(self, value: int | bytes) -> None:
        if isinstance(value, int) or len(value) < 4:
            raise NetworkError(errors.INVALID_ARGUMENT)
        number = _MREQN.unpack_from(value)[2] if len(value) >= 12 else 0
        local = value[4:8] if len(value) >= 8 else value[:4]
        if not number and is_any(local):
            self.out_nic, self.out_addr = 0, b""
            return
        nic = self.stack.nics.get(number) if number else self.stack.local.get(local)
        if nic is None:
            raise NetworkError(errors.NO_SUCH_DEVICE if number else errors.ADDRESS_NOT_AVAILABLE)
        self.out_nic = nic.number
        self.out_addr = local if not is_any(local) else nic.source_for(b"\xe0\0\0\x01")

    def _group_req(self, join: bool, value: int | bytes, size: int) -> None:
        """struct group_req: interface, padding, sockaddr_storage."""
        if isinstance(value, int) or len(value) < 32:
            raise NetworkError(errors.INVALID_ARGUMENT)
        number = int.from_bytes(value[:4], "little")
        group = value[12:16] if size == 4 else value[16:32]
        self.change(join, group, self.nic_for(group, number, b""))

    def nic_for(self, group: bytes, number: int, local: bytes) -> Nic:
        """The interface a membership is about: by number, by address, or where the group's route leads."""
        if not is_multicast(group):
            raise NetworkError(errors.INVALID_ARGUMENT)
        if number:
            nic = self.stack.nics.get(number)
        elif local and not is_any(local):
            nic = self.stack.local.get(local)
        else:
            try:
                nic = self.stack.find_route(group).nic
            except NetworkError:
                nic = None
        if nic is None:
            raise NetworkError(errors.NO_SUCH_DEVICE)
        return nic

    def change(self, join: bool, group: bytes, nic: Nic, include: bool = False) -> None:
        """Join, with `include` to name sources then, or leave. ADDRESS_NOT_AVAILABLE, ADDRESS_IN_USE, TOO_MANY_MEMBERSHIPS."""
        key = (group, nic.number)
        if not join:
            if key not in self.joined:
                raise NetworkError(errors.ADDRESS_NOT_AVAILABLE)
            self._leave(key, nic)
            return
        if key in self.joined:
            raise NetworkError(errors.ADDRESS_IN_USE)
        if len(group) == 4:
            count = sum([1 for other, _ in self.joined if len(other) == 4])
            if count >= self.stack.group_settings.igmp_max_memberships:
                raise NetworkError(errors.TOO_MANY_MEMBERSHIPS)
        nic.join_group(group, include)
        self.joined[key] = None
        if include:
            self.filters[key] = SourceFilter(True)

    def _leave(self, key: tuple[bytes, int], nic: Nic | None) -> None:
        del self.joined[key]
        chosen = self.filters.pop(key, None)
        if nic is not None:
            include, sources = (chosen.include, chosen.sources) if chosen is not None else (False, [])
            nic.leave_group(key[0], include, sources)

    def leave_all(self, size: int = 0) -> None:
        """The endpoint is closed or, with the size of an address, of that family no more."""
        for key in reversed(list(self.joined)):
            group, number = key
            if size in (0, len(group)):
                self._leave(key, self.stack.nics.get(number))

"""IFLA_INFO_DATA of macvlans: what a request says and what is told (drivers/net/macvlan.c).

Not supported: flags, queues of another length: EOPNOTSUPP.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.sockets.inet import macvlan
from sandbox.sockets.inet.own_links import fresh_mac, own_link
from sandbox.sockets.netlink import message as nl

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.task import Task
    from sandbox.sockets.inet.macvlan import MacVlanLink

_MODE, _FLAGS, _SOURCE_MODE, _SOURCE, _SOURCES, _COUNT, _QUEUE, _QUEUE_USED = range(1, 9)
_ADD, _REMOVE, _FLUSH, _SET = range(4)  # MACVLAN_MACADDR_*
_SOURCES_MOST: Final = 1024
_OF_SOURCES: Final = frozenset((_SOURCE_MODE, _SOURCE, _SOURCES))
_GOLDEN: Final = 0x61C8864680B583EB  # GOLDEN_RATIO_64
_QUEUE_LENGTH: Final = 1000  # MACVLAN_DEFAULT_BC_QUEUE_LEN
_MODES: Final[tuple[int, ...]] = (macvlan.PRIVATE, macvlan.VEPA, macvlan.BRIDGED, macvlan.PASSTHRU, macvlan.SOURCE)
_KNOWN_FLAGS: Final = 3


def make(t: Task, network: Network, lower: int | None, mac: bytes, data: dict[int, bytes]) -> MacVlanLink:
    """What a request for a new one says (macvlan_validate, macvlan_newlink). EINVAL, ENODEV, EOPNOTSUPP, EBUSY."""
    flags = int.from_bytes(data.get(_FLAGS, b"")[:2], "little")
    mode = int.from_bytes(data[_MODE][:4], "little") if _MODE in data else macvlan.VEPA
    if flags & ~_KNOWN_FLAGS or mode not in _MODES:
        raise SyscallError(errno.EINVAL)
    changes = _changes(mode, {}, data)
    if lower is None:
        raise SyscallError(errno.EINVAL)
    nic = network.stack.nics.get(lower)
    if nic is None:
        raise SyscallError(errno.ENODEV)
    if nic.loopback or not nic.mac:
        raise SyscallError(errno.EINVAL)
    below = own_link(nic)
    length = int.from_bytes(data[_QUEUE][:4], "little") if _QUEUE in data else _QUEUE_LENGTH
    if below is None or flags or length != _QUEUE_LENGTH or set(data) - {_MODE, _FLAGS, _QUEUE} - _OF_SOURCES:
        raise SyscallError(errno.EOPNOTSUPP)
    link = macvlan.make(t.kernel, below, mac or fresh_mac(t.kernel), mode)
    link.sources = changes
    return link


def change(link: MacVlanLink, data: dict[int, bytes]) -> None:
    """Another mode, and whom it hears (macvlan_changelink). EINVAL, EADDRNOTAVAIL, ENOBUFS, EOPNOTSUPP."""
    if set(data) - {_MODE} - _OF_SOURCES:
        raise SyscallError(errno.EOPNOTSUPP)
    mode = link.mode
    if _MODE in data:
        mode = int.from_bytes(data[_MODE][:4], "little")
        if mode not in _MODES or (mode == macvlan.PASSTHRU) != (link.mode == macvlan.PASSTHRU):
            raise SyscallError(errno.EINVAL)
    link.sources = _changes(mode, link.sources if mode == link.mode else {}, data)
    link.mode = mode


def _changes(mode: int, now: dict[bytes, None], data: dict[int, bytes]) -> dict[bytes, None]:
    """Whom it hears then (macvlan_changelink_sources)."""
    if _SOURCE_MODE not in data:
        return now
    what = int.from_bytes(data[_SOURCE_MODE][:4], "little")
    if mode != macvlan.SOURCE or what > _SET:
        raise SyscallError(errno.EINVAL)
    if what in (_FLUSH, _SET):
        found: dict[bytes, None] = {}
        if what == _SET:
            found = {addr: None for addr in _addresses(data.get(_SOURCES, b"")) if _is_station(addr)}
    else:
        addr = data.get(_SOURCE, b"")[:6]
        if _SOURCE not in data:
            raise SyscallError(errno.EINVAL)
        if what == _ADD and not _is_station(addr):
            raise SyscallError(errno.EADDRNOTAVAIL)
        found = dict(now)
        if what == _ADD:
            found[addr] = None
        else:
            found.pop(addr, None)
    if len(found) > _SOURCES_MOST:
        raise SyscallError(errno.ENOBUFS)
    return found


def _addresses(raw: bytes) -> list[bytes]:
    """Every attribute of a list."""
    found, at = [], 0
    while at + 4 <= len(raw):
        length = int.from_bytes(raw[at : at + 2], "little")
        if length < 4 or at + length > len(raw):
            raise SyscallError(errno.EINVAL)
        if int.from_bytes(raw[at + 2 : at + 4], "little") == _SOURCE:
            found.append(raw[at + 4 : at + length][:6])
        at += (length + 3) & ~3
    return found


def _is_station(addr: bytes) -> bool:
    return len(addr) == 6 and any(addr) and not addr[0] & 1


def _place(addr: bytes) -> int:
    """Linux's list of them (macvlan_eth_hash)."""
    value = int.from_bytes(addr, "little") << 16
    return (value * _GOLDEN & (1 << 64) - 1) >> 56


def told(link: MacVlanLink) -> bytes:
    """macvlan_fill_info."""
    head = nl.u32(_MODE, link.mode) + nl.attribute(_FLAGS, bytes(2)) + nl.u32(_COUNT, len(link.sources))
    if link.sources:
        order = sorted(reversed(link.sources), key=_place)
        head += nl.attribute(_SOURCES | 0x8000, b"".join([nl.attribute(_SOURCE, addr) for addr in order]))
    return head + nl.u32(_QUEUE, _QUEUE_LENGTH) + nl.u32(_QUEUE_USED, _QUEUE_LENGTH)

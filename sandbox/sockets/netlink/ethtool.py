"""The family `ethtool` of NETLINK_GENERIC (Documentation/networking/ethtool-netlink.rst, net/ethtool): what can be asked of an
interface. Nothing is set here: ethtool(8) does that by ioctl (sandbox/sockets/inet/ethtool.py).

A feature is told as on where the stack does it, or leaves it to the interface; which a guest can turn off is what a `veth` leaves
to its other end. What an interface has nothing of is EOPNOTSUPP, and left out of a dump.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Callable, Final

from sandbox.errors import SyscallError
from sandbox.sockets.inet import link_driver
from sandbox.sockets.inet.own_links import BRIDGE, VETH, kind_of, own_link
from sandbox.sockets.inet.tun import IFF_MULTI_QUEUE, MOST_QUEUES, TunLink
from sandbox.sockets.netlink import ethtool_names
from sandbox.sockets.netlink import message as nl
from tcpip.link.base import CAP_TSO4, CAP_TSO6, CAP_TX_CSUM

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.netlink.message import Request
    from tcpip.stack.nic import Nic

STRSET, LINKINFO, LINKMODES, LINKSTATE, DEBUG, FEATURES, CHANNELS, COALESCE, TSINFO, MODULE = (
    1,
    2,
    4,
    6,
    7,
    11,
    17,
    19,
    25,
    34,
)
_ONE_MORE: Final = 15  # from here on an answer's number is the question's and one
_HEADER, _INDEX, _NAME, _FLAGS = 1, 1, 2, 3
_COMPACT, _ALL_FLAGS = 1, 7
_NESTED: Final = 0x8000
_GENL: Final = struct.Struct("<BBH")
_BEFORE: Final = nl.HEADER.size + _GENL.size
_PER_DEVICE: Final = (0, 1, 2, 7)  # ETH_SS_TEST, STATS, PRIV_FLAGS, PHY_STATS
_STATS: Final = 1
_SETS_MOST: Final = 21  # ETH_SS_COUNT
_LINK_MODES: Final = 102
_RATE_MATCH_NONE: Final = 0
# Features by number (include/linux/netdev_features.h).
_SCATTER, _CHECKSUM, _HIGH, _SEGMENT, _LOCKLESS, _STAYS = 1 << 0, 1 << 3, 1 << 5, 1 << 11, 1 << 12, 1 << 13
_NO_VLAN, _TSO4, _TSO6, _RX_CHECKSUM, _LOOPBACK = 1 << 10, 1 << 16, 1 << 20, 1 << 40, 1 << 42
_NEVER: Final = _NO_VLAN | _LOCKLESS | _STAYS
_BITS: Final = 64
_EEPROM: Final = 31
_KNOWN: Final = {STRSET: {1, 2, 3}, _EEPROM: set(range(1, 8))}  # attributes of a question

Body = Callable[["Nic", bool], "bytes | None"]


def answer(network: Network, request: Request, port: int, dumps: bool) -> list[bytes]:
    """ethnl_default_doit and _dumpit."""
    command = request.header(_GENL)[0]
    attributes = request.attributes(_GENL.size)
    if set(attributes) - _KNOWN.get(command, {1}):
        raise nl.Refusal(errno.EINVAL, "Unknown attribute type")
    if _HEADER not in attributes and not dumps:
        raise SyscallError(errno.EINVAL)
    asked = nl.attributes_in(attributes.get(_HEADER, b""))
    compact = _flags(asked) & _COMPACT != 0
    reply = command + 1 if command >= _ONE_MORE else command
    if dumps:
        whole = [_whole(command, reply, nic, attributes, compact) for _, nic in sorted(network.stack.nics.items())]
        return nl.dump(request, port, request.type, [body for body in whole if body is not None])
    where = nl.offset_in(request.body[_GENL.size :], _HEADER) + _BEFORE
    nic = _device(network, asked, command == STRSET, where)
    body = _whole(command, reply, nic, attributes, compact)
    if body is None:
        if command in (LINKINFO, LINKMODES):
            raise nl.Refusal(errno.EOPNOTSUPP, "failed to retrieve link settings")
        raise SyscallError(errno.EOPNOTSUPP)
    return [nl.message(request.type, 0, request.seq, port, body)]


def _flags(asked: dict[int, bytes]) -> int:
    flags = int.from_bytes(asked.get(_FLAGS, b"")[:4], "little")
    if flags & ~_ALL_FLAGS:
        raise nl.Refusal(errno.EINVAL, "reserved bit set")
    return flags


def _device(network: Network, asked: dict[int, bytes], optional: bool, where: int) -> Nic | None:
    """ethnl_parse_header_dev_get: EINVAL when none is named, unless that is `optional`; ENODEV. `where`: its header."""
    name = asked[_NAME].split(b"\0", 1)[0].decode("latin-1") if _NAME in asked else None
    if _INDEX in asked:
        nic = network.stack.nics.get(int.from_bytes(asked[_INDEX][:4], "little"))
        if nic is None:
            raise nl.Refusal(errno.ENODEV, "no device matches ifindex", where + 4)
        if name is not None and name != nic.name:
            raise nl.Refusal(errno.ENODEV, "ifindex and name do not match", where)
        return nic
    if name is not None:
        nic = network.find_nic(name)
        if nic is None:
            raise nl.Refusal(errno.ENODEV, "no device matches name", where + 4)
        return nic
    if not optional:
        raise nl.Refusal(errno.EINVAL, "neither ifindex nor name specified", where)
    return None


def _whole(command: int, reply: int, nic: Nic | None, attributes: dict[int, bytes], compact: bool) -> bytes | None:
    """A message; None for what there is nothing of."""
    parts = [_GENL.pack(reply, 1, 0)]
    if nic is not None:
        parts.append(_nest(_HEADER, nl.u32(_INDEX, nic.number) + nl.string(_NAME, nic.name)))
    if command == STRSET:
        parts.append(_string_sets(nic, attributes))
        return b"".join(parts)
    make = _BODIES.get(command)
    body = make(nic, compact) if make is not None and nic is not None else None
    return b"".join((*parts, body)) if body is not None else None


def _nest(kind: int, body: bytes) -> bytes:
    return nl.attribute(kind | _NESTED, body)


# --- sets of strings ---


def _string_sets(nic: Nic | None, attributes: dict[int, bytes]) -> bytes:
    """ETHTOOL_A_STRSET_STRINGSETS (net/ethtool/strset.c). EINVAL, EOPNOTSUPP."""
    wanted = _wanted_sets(attributes.get(2, b""))
    if not wanted:
        wanted = list(_PER_DEVICE if nic is not None else ethtool_names.NUMBERS)
    found = []
    for number in wanted:
        if number in _PER_DEVICE and nic is None:
            raise nl.Refusal(errno.EINVAL, "requested per device strings without dev")
        strings = _strings(nic, number)
        if not strings:
            continue
        body = nl.u32(1, number) + nl.u32(2, len(strings))
        if 3 not in attributes:
            rows = [_nest(1, nl.u32(1, at) + nl.string(2, text)) for at, text in enumerate(strings)]
            body += _nest(3, b"".join(rows))
        found.append(_nest(1, body))
    return _nest(2, b"".join(found))


def _wanted_sets(raw: bytes) -> list[int]:
    wanted = set()
    for body in nl.all_attributes(raw):
        number = int.from_bytes(nl.attributes_in(body).get(1, b"")[:4], "little")
        if number >= _SETS_MOST:
            raise nl.Refusal(errno.EOPNOTSUPP, "unknown string set id")
        wanted.add(number)
    return sorted(wanted)


def _strings(nic: Nic | None, number: int) -> list[str]:
    if number == _STATS and nic is not None:
        return [name for name, _ in link_driver.statistics(nic) or ()]
    return ethtool_names.strings(number) or []


# --- bit sets ---


def _bits(kind: int, size: int, value: int, mask: int | None, names: list[str], compact: bool) -> bytes:
    """net/ethtool/bitset.c: a list of bits, or words. Without `mask` only those that are set."""
    parts = [nl.attribute(1, b"")] if mask is None else []
    parts.append(nl.u32(2, size))
    if compact:
        octets = (size + 31) // 32 * 4
        parts.append(nl.attribute(4, value.to_bytes(octets, "little")))
        if mask is not None:
            parts.append(nl.attribute(5, mask.to_bytes(octets, "little")))
        return _nest(kind, b"".join(parts))
    rows = []
    shown = value if mask is None else mask
    for at in range(size):
        if shown >> at & 1:
            row = nl.u32(1, at) + nl.string(2, names[at])
            rows.append(_nest(1, row + (nl.attribute(3, b"") if mask is not None and value >> at & 1 else b"")))
    parts.append(_nest(3, b"".join(rows)))
    return _nest(kind, b"".join(parts))


# --- of an interface ---


def _link_info(nic: Nic, compact: bool) -> bytes | None:
    settings = link_driver.settings(nic)
    if settings is None:
        return None
    return nl.u8(2, settings[2]) + b"".join([nl.u8(kind, 0) for kind in range(3, 7)])


def _link_modes(nic: Nic, compact: bool) -> bytes | None:
    settings = link_driver.settings(nic)
    if settings is None:
        return None
    names = ethtool_names.strings(ethtool_names.LINK_MODES) or []
    ours = _bits(3, _LINK_MODES, 0, 0, names, compact)
    return nl.u8(2, 0) + ours + nl.u32(5, settings[0]) + nl.u8(6, settings[1]) + nl.u8(10, _RATE_MATCH_NONE)


def _link_state(nic: Nic, compact: bool) -> bytes:
    found = link_driver.detected(nic)
    return nl.u8(2, int(found)) if found is not None else b""


def _debug(nic: Nic, compact: bool) -> bytes | None:
    """Which messages a driver writes into the log: a TUN device's none."""
    names = ethtool_names.strings(ethtool_names.MESSAGES) or []
    return _bits(2, len(names), 0, None, names, compact) if isinstance(own_link(nic), TunLink) else None


def _features(nic: Nic, compact: bool) -> bytes:
    """What can be turned off, what is wanted, what is on, and what never changes."""
    kind, link = kind_of(nic), own_link(nic)
    able = _of_capabilities(CAP_TX_CSUM | CAP_TSO4 | CAP_TSO6) if kind == VETH else 0
    fixed = _SCATTER | _SEGMENT | _HIGH | _RX_CHECKSUM | _LOCKLESS
    if nic.loopback:
        fixed |= _NO_VLAN | _LOOPBACK | _STAYS
    elif kind in ("", BRIDGE):
        fixed |= _STAYS
    active = fixed | _of_capabilities(nic.link.capabilities)
    wanted = able & ~_of_capabilities(link.off) if link is not None else 0
    names = ethtool_names.strings(ethtool_names.FEATURES) or []
    parts = [_bits(2, _BITS, able, (1 << _BITS) - 1, names, compact)]
    parts += [
        _bits(number, _BITS, value, None, names, compact) for number, value in ((3, wanted), (4, active), (5, _NEVER))
    ]
    return b"".join(parts)


def _of_capabilities(capabilities: int) -> int:
    pairs = ((CAP_TX_CSUM, _CHECKSUM), (CAP_TSO4, _TSO4), (CAP_TSO6, _TSO6))
    return sum([feature for capability, feature in pairs if capabilities & capability])


def _channels(nic: Nic, compact: bool) -> bytes | None:
    """Of a TUN device those that are attached; a pair's ends have one queue in either direction."""
    link = own_link(nic)
    if isinstance(link, TunLink):
        most = MOST_QUEUES if link.flags & IFF_MULTI_QUEUE else 1
        return nl.u32(5, most) + nl.u32(9, len(link.queues))
    if link is None or link.kind != VETH:
        return None
    return b"".join([nl.u32(kind, 1) for kind in (2, 6, 3, 7)])


def _coalesce(nic: Nic, compact: bool) -> bytes | None:
    """A TUN device gathers no frames before it hands them on."""
    return nl.u32(3, 0) if isinstance(own_link(nic), TunLink) else None


def _times(nic: Nic, compact: bool) -> bytes:
    names = ethtool_names.strings(ethtool_names.TIMESTAMPING) or []
    return _bits(2, len(names), link_driver.times(nic), None, names, compact)


def _module(nic: Nic, compact: bool) -> bytes:
    """No module is plugged in that could sleep."""
    return b""


# The rest of what can be asked for nothing here has: lines of wake-up, private flags, rings, pauses, energy, error correction.
_BODIES: Final[dict[int, Body]] = {
    LINKINFO: _link_info,
    LINKMODES: _link_modes,
    LINKSTATE: _link_state,
    DEBUG: _debug,
    FEATURES: _features,
    CHANNELS: _channels,
    COALESCE: _coalesce,
    TSINFO: _times,
    MODULE: _module,
}

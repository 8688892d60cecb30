"""Extensions of iptables(8) as iptables-nft sends them: structs of include/uapi/linux/netfilter/xt_*.h.

NFNL_SUBSYS_NFT_COMPAT tells which there are (net/netfilter/nft_compat.c). Others are refused with ENOENT, as by a kernel
without that module.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Callable, Final

from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink.netfilter import extension_targets as targets
from sandbox.sockets.netlink.netfilter.attributes import Attributes, NfError, be32
from tcpip.filter import more_matches as more
from tcpip.filter import packet
from tcpip.filter.flow_tuple import ORIGINAL, REPLY
from tcpip.filter.match import DestinationPort, Limit, Mark, Match, Not, SourcePort, State, TcpFlags, Translated
from tcpip.filter.nft.machine import FAMILY_IPV6
from tcpip.filter.nft.xt import MatchExtension, TargetExtension
from tcpip.filter.packet import DST, SRC
from tcpip.sockopt import IPPROTO_ICMP, IPPROTO_ICMPV6

if TYPE_CHECKING:
    from sandbox.sockets.netlink.netfilter.data import Context
    from tcpip.filter.nft.machine import Expression
    from tcpip.stack.stack import Stack

_NAME, _REV, _INFO = 1, 2, 3
_TYPE: Final = 3
MATCH, TARGET = 0, 1
_CONNTRACK: Final = struct.Struct("<128sII13H")
_PORTS: Final = struct.Struct("<4H")


def _maybe(inverted: int, match: Match) -> Match:
    return Not(match) if inverted else match


def _comment(stack: Stack, family: int, info: bytes) -> Match:
    return more.All(())


def _conntrack(stack: Stack, family: int, info: bytes) -> Match:
    """struct xt_conntrack_mtinfo3."""
    addresses, soonest, latest, protocol, *rest = _CONNTRACK.unpack_from(info)
    low, (flags, inverted, states, status), high = rest[:4], rest[4:8], rest[8:12]
    size = 16 if family == FAMILY_IPV6 else 4
    found: list[Match] = []
    if flags & 1:
        found.append(_maybe(inverted & 1, _state(states)))
    if flags & 2:
        found.append(_maybe(inverted & 2, more.ConnectionIs("protocol", protocol, protocol)))
    ends = ((ORIGINAL, SRC), (ORIGINAL, DST), (REPLY, SRC), (REPLY, DST))
    for number, (direction, which) in enumerate(ends):
        at = number * 32
        addr, mask = addresses[at : at + size], addresses[at + 16 : at + 16 + size]
        if flags & 4 << number:
            found.append(_maybe(inverted & 4 << number, more.ConnectionEnd(direction, which, addr, mask, None)))
        if flags & 0x100 << number:
            ports = low[number], high[number]
            found.append(_maybe(inverted & 0x100 << number, more.ConnectionEnd(direction, which, b"", b"", ports)))
    if flags & 0x40:
        found.append(_maybe(inverted & 0x40, more.ConnectionIs("status", status, status)))
    if flags & 0x80:
        found.append(_maybe(inverted & 0x80, more.ConnectionIs("expires", soonest, latest)))
    if flags & 0x1000:
        found.append(more.ConnectionIs("direction", REPLY if inverted & 0x1000 else ORIGINAL, 0))
    return more.All(found)


def _state(mask: int) -> Match:
    bits = {
        1: packet.INVALID,
        2: packet.ESTABLISHED,
        4: packet.RELATED,
        8: packet.NEW,
        256: packet.UNTRACKED,
    }
    state = State(sum(ours for theirs, ours in bits.items() if mask & theirs))
    translated = Translated(SRC * bool(mask & 64) | DST * bool(mask & 128))
    return Not(more.All((Not(state), Not(translated))))


def _multiport(stack: Stack, family: int, info: bytes) -> Match:
    """struct xt_multiport_v1."""
    which = {0: SRC, 1: DST, 2: SRC | DST}.get(info[0])
    count = info[1]
    if which is None or count > 15:
        raise NfError(errno.EINVAL)
    ports = struct.unpack_from("<15H", info, 2)
    ranges: list[tuple[int, int]] = []
    number = 0
    while number < count:
        last = number + 1 if info[32 + number] and number + 1 < count else number
        ranges.append((ports[number], ports[last]))
        number = last + 1
    return _maybe(info[47], more.MultiPort(which, ranges))


def _addrtype(stack: Stack, family: int, info: bytes) -> Match:
    """struct xt_addrtype_info_v1."""
    source, target, flags = struct.unpack_from("<HHI", info)
    at = "in" if flags & 4 else "out" if flags & 8 else ""
    found: list[Match] = []
    if source:
        found.append(_maybe(flags & 1, more.AddressType(stack, SRC, source, at)))
    if target:
        found.append(_maybe(flags & 2, more.AddressType(stack, DST, target, at)))
    return more.All(found)


def _icmp(stack: Stack, family: int, info: bytes) -> Match:
    """struct ipt_icmp and ip6t_icmp."""
    protocol = IPPROTO_ICMPV6 if family == FAMILY_IPV6 else IPPROTO_ICMP
    return _maybe(info[3] & 1, more.IcmpCodes(protocol, info[0], info[1], info[2]))


def _tcp(stack: Stack, family: int, info: bytes) -> Match:
    """struct xt_tcp."""
    low, high, to_low, to_high = _PORTS.unpack_from(info)
    option, mask, flags, inverted = info[8:12]
    found = [_maybe(inverted & 1, SourcePort(low, high)), _maybe(inverted & 2, DestinationPort(to_low, to_high))]
    if mask or flags:
        found.append(_maybe(inverted & 4, TcpFlags(mask, flags)))
    if option:
        found.append(_maybe(inverted & 8, more.HasTcpOption(option)))
    return more.All(found)


def _udp(stack: Stack, family: int, info: bytes) -> Match:
    """struct xt_udp."""
    low, high, to_low, to_high = _PORTS.unpack_from(info)
    return more.All((_maybe(info[8] & 1, SourcePort(low, high)), _maybe(info[8] & 2, DestinationPort(to_low, to_high))))


def _mark(stack: Stack, family: int, info: bytes) -> Match:
    value, mask, inverted = struct.unpack_from("<IIB", info)
    return _maybe(inverted, Mark(value, mask))


def _connmark(stack: Stack, family: int, info: bytes) -> Match:
    value, mask, inverted = struct.unpack_from("<IIB", info)
    return _maybe(inverted, more.ConnectionMark(value, mask))


def _pkttype(stack: Stack, family: int, info: bytes) -> Match:
    kind, inverted = struct.unpack_from("<ii", info)
    return _maybe(inverted, more.PacketType(kind))


def _length(stack: Stack, family: int, info: bytes) -> Match:
    low, high, inverted = struct.unpack_from("<HHB", info)
    return _maybe(inverted, more.Length(low, high))


def _ttl(stack: Stack, family: int, info: bytes) -> Match:
    """struct ipt_ttl_info and ip6t_hl_info: equal, not equal, less, greater."""
    mode, value = info[0], info[1]
    if mode > 3:
        raise NfError(errno.EINVAL)
    low, high = ((value, value), (value, value), (0, value - 1), (value + 1, 255))[mode]
    return _maybe(mode == 1, more.HopLimit(low, high))


def _iprange(stack: Stack, family: int, info: bytes) -> Match:
    """struct xt_iprange_mtinfo."""
    size = 16 if family == FAMILY_IPV6 else 4
    low, high, to_low, to_high = (info[at : at + size] for at in (0, 16, 32, 48))
    flags = info[64]
    found: list[Match] = []
    if flags & 1:
        found.append(_maybe(flags & 0x10, more.AddressRange(SRC, low, high)))
    if flags & 2:
        found.append(_maybe(flags & 0x20, more.AddressRange(DST, to_low, to_high)))
    return more.All(found)


def _owner(stack: Stack, family: int, info: bytes) -> Match:
    """struct xt_owner_match_info."""
    uid_low, uid_high, gid_low, gid_high, flags, inverted = struct.unpack_from("<IIIIBB", info)
    found: list[Match] = []
    if flags & 4:
        found.append(_maybe(inverted & 4, more.FromSocket()))
    if flags & 1:
        found.append(_maybe(inverted & 1, more.OwnerRange(False, uid_low, uid_high)))
    if flags & 2:
        found.append(_maybe(inverted & 2, more.OwnerRange(True, gid_low, gid_high)))
    return more.All(found)


def _statistic(stack: Stack, family: int, info: bytes) -> Match:
    """struct xt_statistic_info."""
    mode, flags, first, packet_number = struct.unpack_from("<HHII", info)
    if mode > 1 or flags & ~1:
        raise NfError(errno.EINVAL)
    if mode == 0:
        return _maybe(flags, more.Chance(stack, first))
    return _maybe(flags, more.EveryNth(first + 1, packet_number))


def _limit(stack: Stack, family: int, info: bytes) -> Match:
    """struct xt_rateinfo: 1/10,000 s between packets, and how many at once."""
    between, burst = struct.unpack_from("<II", info)
    if not between or not burst or between * burst > 0xFFFFFFFF:
        raise NfError(errno.ERANGE)
    return Limit(stack.clock, 10000 / between, burst)


Maker = Callable[["Stack", int, bytes], Match]
_MATCHES: Final[dict[tuple[str, int], tuple[int, Maker]]] = {
    ("comment", 0): (256, _comment),
    ("conntrack", 3): (168, _conntrack),
    ("multiport", 1): (48, _multiport),
    ("addrtype", 1): (8, _addrtype),
    ("icmp", 0): (8, _icmp),
    ("icmp6", 0): (8, _icmp),
    ("tcp", 0): (16, _tcp),
    ("udp", 0): (16, _udp),
    ("limit", 0): (40, _limit),
    ("mark", 1): (16, _mark),
    ("connmark", 1): (16, _connmark),
    ("pkttype", 0): (8, _pkttype),
    ("length", 0): (8, _length),
    ("ttl", 0): (8, _ttl),
    ("hl", 0): (8, _ttl),
    ("iprange", 1): (72, _iprange),
    ("owner", 1): (24, _owner),
    ("statistic", 0): (32, _statistic),
}
"""By name and revision: the aligned size of what it is told, and who makes the match."""


def _common(a: Attributes) -> tuple[str, int, bytes]:
    return a.text(_NAME), a.u32(_REV), a.get(_INFO)


def read_match(ctx: Context, a: Attributes) -> Expression:
    """ENOENT for one that we do not have; EINVAL."""
    name, revision, info = _common(a)
    known = _MATCHES.get((name, revision))
    if known is None:
        raise NfError(errno.ENOENT)
    if len(info) != known[0]:
        raise NfError(errno.EINVAL)
    return MatchExtension(name, revision, info, known[1](ctx.ruleset.stack, ctx.table.family, info))


def read_target(ctx: Context, a: Attributes) -> Expression:
    """ENOENT for one that we do not have; EINVAL."""
    name, revision, info = _common(a)
    return TargetExtension(name, revision, info, targets.read(name, revision, ctx.table.family, info))


def write(x: MatchExtension | TargetExtension) -> list[bytes]:
    return [nl.string(_NAME, x.extension), be32(_REV, x.revision), nl.attribute(_INFO, x.info)]


def revision_of(a: Attributes) -> bytes:
    """The answer to NFNL_MSG_COMPAT_GET: the extension is there, up to which revision. ENOENT."""
    name, kind = a.text(_NAME), a.u32(_TYPE)
    known = targets.names() if kind == TARGET else list(_MATCHES)
    best = max((number for found, number in known if found == name), default=-1)
    if best < a.u32(_REV):
        raise NfError(errno.ENOENT if best < 0 else errno.EPROTONOSUPPORT)
    return nl.string(_NAME, name) + be32(_REV, best) + be32(_TYPE, kind)

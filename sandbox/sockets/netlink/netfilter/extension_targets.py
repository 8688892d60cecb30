"""Targets of iptables(8) as iptables-nft sends them: structs of include/uapi/linux/netfilter/xt_*.h and nf_nat.h."""

from __future__ import annotations

import errno
import struct
from typing import Callable, Final

from sandbox.sockets.netlink.netfilter.attributes import NfError
from tcpip.addr import text
from tcpip.filter import more_matches as more
from tcpip.filter.nft.machine import FAMILY_IPV6
from tcpip.filter.table import Target
from tcpip.filter.target import Dnat, Log, Masquerade, NoTrack, Redirect, Reject, Snat, Transparent

_MAP_IPS: Final = 1
_PROTO_SPECIFIED: Final = 2
_RANGE4: Final = struct.Struct(">4x4s4s4sHH")  # one of struct nf_nat_ipv4_multi_range_compat
_RANGE6: Final = struct.Struct(">4s16s16sHH")  # struct nf_nat_range
_REJECT4: Final = {0: 0, 1: 1, 2: 2, 3: 3, 5: 9, 6: 10, 8: 13}
_REJECT6: Final = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 7: 5, 8: 6}
_RESET: Final = {False: 7, True: 6}
_NOTRACK: Final = (1, 3)  # XT_CT_NOTRACK, and that it was called NOTRACK


class _Range:
    """Addresses as text, empty when they stay, and ports."""

    __slots__ = ("first", "last", "ports", "flags")

    def __init__(self, info: bytes, multi: bool, size: int) -> None:
        raw, low, high, port, last = (_RANGE4 if multi else _RANGE6).unpack_from(info)
        self.flags = flags = int.from_bytes(raw, "little")
        mapped = flags & _MAP_IPS != 0
        self.first = text(low[:size]) if mapped else ""
        self.last = text(high[:size]) if mapped else ""
        self.ports = (port, last) if flags & _PROTO_SPECIFIED else None


def _range(revision: int, six: bool, info: bytes) -> _Range:
    multi = not six and revision == 0
    if multi and int.from_bytes(info[:4], "little") != 1:
        raise NfError(errno.EINVAL)
    return _Range(info, multi, 16 if six else 4)


def _snat(revision: int, six: bool, info: bytes) -> Target:
    chosen = _range(revision, six, info)
    return Snat(chosen.first, chosen.last, chosen.ports, chosen.flags)


def _dnat(revision: int, six: bool, info: bytes) -> Target:
    chosen = _range(revision, six, info)
    return Dnat(chosen.first, chosen.last, chosen.ports, chosen.flags)


def _masquerade(revision: int, six: bool, info: bytes) -> Target:
    chosen = _range(revision, six, info)
    return Masquerade(chosen.ports, chosen.flags)


def _redirect(revision: int, six: bool, info: bytes) -> Target:
    chosen = _range(revision, six, info)
    return Redirect(chosen.ports, chosen.flags)


def _reject(revision: int, six: bool, info: bytes) -> Target:
    kind = int.from_bytes(info[:4], "little")
    if kind == _RESET[six]:
        return Reject(tcp_reset=True)
    code = (_REJECT6 if six else _REJECT4).get(kind)
    if code is None:
        raise NfError(errno.EINVAL)
    return Reject(code)


def _mark(revision: int, six: bool, info: bytes) -> Target:
    return more.ChangeMark(*struct.unpack_from("<II", info))


def _connmark(revision: int, six: bool, info: bytes) -> Target:
    value, mask, packet_mask, first, bits, mode = struct.unpack_from("<IIIBBB", info)
    if revision == 1:
        mode = first
    elif first or bits:
        raise NfError(errno.EOPNOTSUPP)
    if mode > more.RESTORE:
        raise NfError(errno.EINVAL)
    return more.ConnectionMarkTarget(mode, value, mask, packet_mask)


def _log(revision: int, six: bool, info: bytes) -> Target:
    if info[0] >= 8 or info[31]:
        raise NfError(errno.EINVAL)
    return Log(info[2:32].split(b"\0", 1)[0].decode("latin-1"))


def _ct(revision: int, six: bool, info: bytes) -> Target:
    """Only `--notrack`; zones, events, helpers and time-outs are refused."""
    if int.from_bytes(info[:2], "little") not in _NOTRACK or any(info[2:60]):
        raise NfError(errno.EOPNOTSUPP)
    return NoTrack()


def _notrack(revision: int, six: bool, info: bytes) -> Target:
    return NoTrack()


def _tcpmss(revision: int, six: bool, info: bytes) -> Target:
    return more.SegmentSize(int.from_bytes(info[:2], "little"))


def _tproxy(revision: int, six: bool, info: bytes) -> Target:
    """struct xt_tproxy_target_info_v1: to the socket that has the port; not to an address."""
    mask, value, addr, port = struct.unpack_from("<II16s2s", info)
    if any(addr) or value & ~mask:
        raise NfError(errno.EOPNOTSUPP)
    return Transparent(int.from_bytes(port, "big") or -1, value)


Maker = Callable[[int, bool, bytes], Target]
_TARGETS: Final[dict[tuple[str, int], tuple[int, int, Maker]]] = {
    ("SNAT", 0): (24, 0, _snat),
    ("SNAT", 1): (40, 40, _snat),
    ("SNAT", 2): (48, 48, _snat),
    ("DNAT", 0): (24, 0, _dnat),
    ("DNAT", 1): (40, 40, _dnat),
    ("DNAT", 2): (48, 48, _dnat),
    ("MASQUERADE", 0): (24, 40, _masquerade),
    ("REDIRECT", 0): (24, 40, _redirect),
    ("REJECT", 0): (8, 8, _reject),
    ("MARK", 2): (8, 8, _mark),
    ("CONNMARK", 1): (16, 16, _connmark),
    ("CONNMARK", 2): (16, 16, _connmark),
    ("LOG", 0): (32, 32, _log),
    ("CT", 1): (72, 72, _ct),
    ("CT", 2): (72, 72, _ct),
    ("NOTRACK", 0): (0, 0, _notrack),
    ("TCPMSS", 0): (8, 8, _tcpmss),
    ("TPROXY", 1): (32, 32, _tproxy),
}
"""By name and revision: the aligned sizes of what it is told, for IPv4 and IPv6, and who makes the target."""


def names() -> list[tuple[str, int]]:
    """Names and revisions."""
    return list(_TARGETS)


def read(name: str, revision: int, family: int, info: bytes) -> Target:
    """ENOENT for one that we do not have; EINVAL."""
    known = _TARGETS.get((name, revision))
    six = family == FAMILY_IPV6
    if known is None:
        raise NfError(errno.ENOENT)
    if len(info) != known[1 if six else 0]:
        raise NfError(errno.EINVAL)
    return known[2](revision, six, info)

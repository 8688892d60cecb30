"""TCA_OPTIONS of `netem` (net/sched/sch_netem.c, tc-netem(8)).

Not supported: models of loss, marks instead of losses, slots, cells of a rate (EOPNOTSUPP).
"""

from __future__ import annotations

import errno
import struct
from typing import Final

from sandbox.errors import SyscallError
from sandbox.sockets.netlink import message as nl
from tcpip.link.qdisc_netem import Chance, NetemSettings

_FIXED: Final = struct.Struct("<6I")  # struct tc_netem_qopt: latency, limit, loss, gap, duplicate, jitter
_CORRELATIONS: Final = struct.Struct("<3I")  # delay, loss, duplicate
_CHANCE: Final = struct.Struct("<2I")
_RATE: Final = struct.Struct("<IiIi")  # bytes a second, overhead of a packet, size and overhead of a cell
_CORR, _DELAYS, _REORDER, _CORRUPT, _RATE_KIND = 1, 2, 3, 4, 6
_RATE64, _PAD, _LATENCY64, _JITTER64, _SEED = 8, 9, 10, 11, 14
_KNOWN: Final = frozenset((_CORR, _DELAYS, _REORDER, _CORRUPT, _RATE_KIND, _RATE64, _PAD, _LATENCY64, _JITTER64, _SEED))
_TICK_SHIFT: Final = 6
_WORD: Final = 0xFFFFFFFF
_DELAYS_MOST: Final = 16384  # NETEM_DIST_MAX


def read(options: bytes | None) -> NetemSettings:
    """EINVAL, EOPNOTSUPP."""
    if options is None or len(options) < _FIXED.size:
        raise SyscallError(errno.EINVAL)
    latency, limit, loss, gap, duplicate, jitter = _FIXED.unpack_from(options)
    attributes = nl.attributes_in(options[_FIXED.size :])
    if set(attributes) - _KNOWN:
        raise SyscallError(errno.EOPNOTSUPP)
    s = NetemSettings()
    s.limit, s.gap = limit, gap
    s.latency, s.jitter = latency << _TICK_SHIFT, jitter << _TICK_SHIFT
    if _LATENCY64 in attributes:
        s.latency = _number(attributes, _LATENCY64, 8)
    if _JITTER64 in attributes:
        s.jitter = _number(attributes, _JITTER64, 8)
    like_last = _fields(attributes, _CORR, _CORRELATIONS)
    s.spread = Chance(0, like_last[0])
    s.loss, s.duplicate = Chance(loss, like_last[1]), Chance(duplicate, like_last[2])
    if gap:  # for older programs: every one that may go ahead does (netem_change)
        s.reorder = Chance(_WORD)
    if _REORDER in attributes:
        s.reorder = Chance(*_fields(attributes, _REORDER, _CHANCE))
    s.corrupt = Chance(*_fields(attributes, _CORRUPT, _CHANCE))
    _read_rate(s, attributes)
    s.delays = _delays(attributes.get(_DELAYS, b""))
    s.seed = _number(attributes, _SEED, 8) if _SEED in attributes else 0
    return s


def _read_rate(s: NetemSettings, attributes: dict[int, bytes]) -> None:
    s.rate, s.overhead, cell, of_cell = _fields(attributes, _RATE_KIND, _RATE)
    if cell or of_cell:
        raise SyscallError(errno.EOPNOTSUPP)
    if _RATE64 in attributes:
        s.rate = max(s.rate, _number(attributes, _RATE64, 8))


def _fields(attributes: dict[int, bytes], kind: int, layout: struct.Struct) -> tuple[int, ...]:
    value = attributes.get(kind, bytes(layout.size))
    if len(value) < layout.size:
        raise SyscallError(errno.EINVAL)
    return layout.unpack_from(value)


def _number(attributes: dict[int, bytes], kind: int, size: int) -> int:
    if len(attributes[kind]) < size:
        raise SyscallError(errno.EINVAL)
    return int.from_bytes(attributes[kind][:size], "little")


def _delays(table: bytes) -> list[int]:
    count = len(table) // 2
    if count > _DELAYS_MOST:
        raise SyscallError(errno.EINVAL)
    return list(struct.unpack_from(f"<{count}h", table))


def told(s: NetemSettings) -> bytes:
    """netem_dump."""
    latency, jitter = (min(value >> _TICK_SHIFT, _WORD) for value in (s.latency, s.jitter))
    parts = [_FIXED.pack(latency, s.limit, s.loss.share, s.gap, s.duplicate.share, jitter)]
    parts.append(nl.attribute(_LATENCY64, s.latency.to_bytes(8, "little")))
    parts.append(nl.attribute(_JITTER64, s.jitter.to_bytes(8, "little")))
    like_last = (s.spread.correlation, s.loss.correlation, s.duplicate.correlation)
    parts.append(nl.attribute(_CORR, _CORRELATIONS.pack(*like_last)))
    parts.append(nl.attribute(_REORDER, _CHANCE.pack(s.reorder.share, s.reorder.correlation)))
    parts.append(nl.attribute(_CORRUPT, _CHANCE.pack(s.corrupt.share, s.corrupt.correlation)))
    if s.rate > _WORD:
        parts.append(nl.attribute(_RATE64, s.rate.to_bytes(8, "little")))
    parts.append(nl.attribute(_RATE_KIND, _RATE.pack(min(s.rate, _WORD), s.overhead, 0, 0)))
    return b"".join(parts)

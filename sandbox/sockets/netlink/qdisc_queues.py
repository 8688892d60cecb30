"""TCA_OPTIONS and statistics of the disciplines that share a link among flows: `prio`, `codel`, `fq_codel`, `sfq`
(include/uapi/linux/pkt_sched.h; net/sched/sch_prio.c, sch_codel.c, sch_fq_codel.c, sch_sfq.c; tc-prio(8), tc-fq_codel(8)).

Not supported: RED in `sfq`, marks of `fq_codel` for some packets only (EOPNOTSUPP).
"""

from __future__ import annotations

import errno
import os
import struct
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.sockets.inet.link_state import queue_length
from sandbox.sockets.netlink import message as nl
from tcpip.link.qdisc import Qdisc
from tcpip.link.qdisc_codel import Codel, CodelSettings
from tcpip.link.qdisc_fair import FairQueue
from tcpip.link.qdisc_prio import Prio
from tcpip.link.qdisc_sfq import SFQ_DEPTH, Sfq, SfqSettings

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic

ETHERNET_HEADER: Final = 14
QUEUES: Final = ("prio", "codel", "fq_codel", "sfq")
_PRIO: Final = struct.Struct("<i16B")  # struct tc_prio_qopt
_BANDS_LEAST, _BANDS_MOST = 2, 16
_TARGET, _LIMIT, _INTERVAL, _ECN = 1, 2, 3, 4
_CODEL_MARKS_AFTER: Final = 5
_FLOWS, _QUANTUM, _MARKS_AFTER, _BATCH, _MEMORY, _SELECTOR, _MASK = 5, 6, 7, 8, 9, 10, 11
_FLOWS_MOST: Final = 65536
_QUANTUM_MOST: Final = 1 << 20
_QUANTUM_LEAST: Final = 256
_CODEL_STATS: Final = struct.Struct("<4Ii4I")  # struct tc_codel_xstats
_FAIR_STATS: Final = struct.Struct("<10I")  # struct tc_fq_codel_xstats, of the whole
_SFQ: Final = struct.Struct("<IiIII")  # struct tc_sfq_qopt: quantum, perturb period, limit, divisor, flows
_SFQ_MORE: Final = struct.Struct("<5I4BI24x")  # depth, head drop; RED: limit, least, most, logarithms and flags, chance
_SFQ_FLOWS_MOST: Final = 65408
_PERTURB_MOST: Final = 0x7FFFFFFF // 1000
_WORD: Final = 0xFFFFFFFF


def make(nic: Nic, kind: str, handle: int, options: bytes | None) -> Qdisc:
    """A new one of `QUEUES`."""
    size = nic.mtu + ETHERNET_HEADER
    made: Qdisc
    if kind == "prio":
        if options is None:
            raise SyscallError(errno.EINVAL)
        return Prio(*_bands(options), queue_length(nic), handle)
    if kind == "codel":
        made = Codel(settings=CodelSettings(mtu=size))
    elif kind == "fq_codel":
        made = FairQueue(quantum=size, seed=int.from_bytes(os.urandom(4), "little"), settings=CodelSettings(True, size))
    else:
        made = Sfq(SfqSettings(size), int.from_bytes(os.urandom(4), "little"))
    if options is not None:
        change(made, options, True)
    return made


def change(qdisc: Qdisc, options: bytes, first: bool = False) -> None:
    """Other options for one that is there. EINVAL, EOPNOTSUPP; then nothing has changed."""
    if isinstance(qdisc, Prio):
        qdisc.change(*_bands(options))
    elif isinstance(qdisc, Codel):
        values = _numbers(options, _CODEL_MARKS_AFTER)
        _change_codel(qdisc.settings, values, _CODEL_MARKS_AFTER)
        qdisc.limit = values.get(_LIMIT, qdisc.limit)
        qdisc.trim()
    elif isinstance(qdisc, FairQueue):
        _change_fair(qdisc, _numbers(options, _MASK), first)
    elif isinstance(qdisc, Sfq):
        _change_sfq(qdisc, options)


def told(qdisc: Qdisc) -> bytes:
    """The value of TCA_OPTIONS; nothing for one that is not of `QUEUES`."""
    if isinstance(qdisc, Prio):
        return _PRIO.pack(len(qdisc.bands), *qdisc.map)
    if isinstance(qdisc, Codel):
        fixed = _told_codel(qdisc.settings, qdisc.limit)
        after = qdisc.settings.marks_after
        return fixed if after is None else fixed + nl.u32(_CODEL_MARKS_AFTER, _microseconds(after))
    if isinstance(qdisc, FairQueue):
        parts = [_told_codel(qdisc.settings, qdisc.limit), nl.u32(_QUANTUM, qdisc.quantum)]
        parts += [nl.u32(_BATCH, qdisc.drop_batch), nl.u32(_MEMORY, qdisc.memory_limit), nl.u32(_FLOWS, qdisc.flows)]
        if qdisc.settings.marks_after is not None:
            parts.append(nl.u32(_MARKS_AFTER, _microseconds(qdisc.settings.marks_after)))
            parts += [nl.u8(_SELECTOR, 0), nl.u8(_MASK, 0)]
        return b"".join(parts)
    if isinstance(qdisc, Sfq):
        s = qdisc.settings
        fixed = _SFQ.pack(s.quantum, s.perturb, s.limit, s.divisor, s.flows)
        return fixed + _SFQ_MORE.pack(s.depth, int(s.head_drop), *([0] * 8))
    return b""


def statistics(qdisc: Qdisc, now: int) -> bytes:
    """What TCA_STATS_APP holds; nothing for one that counts nothing of its own."""
    if isinstance(qdisc, Codel):
        queue = qdisc.queue
        until = _microseconds(queue.drop_next - now) if queue.dropping else 0
        return _CODEL_STATS.pack(
            qdisc.largest,
            queue.count,
            queue.last_count,
            _microseconds(queue.delay) & _WORD,
            max(-(1 << 31), min(until, (1 << 31) - 1)),
            qdisc.refused & _WORD,
            qdisc.marked & _WORD,
            int(queue.dropping),
            qdisc.marked_late & _WORD,
        )
    if not isinstance(qdisc, FairQueue):
        return b""
    counts = (qdisc.largest, qdisc.refused, qdisc.marked, qdisc.new_flows, len(qdisc.new), len(qdisc.old))
    more = (qdisc.marked_late, qdisc.bytes, qdisc.over_memory)
    return _FAIR_STATS.pack(0, *[count & _WORD for count in counts + more])


def _bands(options: bytes) -> tuple[int, tuple[int, ...]]:
    if len(options) < _PRIO.size:
        raise SyscallError(errno.EINVAL)
    bands, *chosen = _PRIO.unpack_from(options)
    if not _BANDS_LEAST <= bands <= _BANDS_MOST or max(chosen) >= bands:
        raise SyscallError(errno.EINVAL)
    return bands, tuple(chosen)


def _numbers(options: bytes, most: int) -> dict[int, int]:
    values: dict[int, int] = {}
    for kind, value in nl.attributes_in(options).items():
        size = 1 if kind in (_SELECTOR, _MASK) else 4
        if kind > most:
            continue
        if len(value) < size:
            raise nl.Refusal(errno.ERANGE, "Attribute failed policy validation")
        values[kind] = int.from_bytes(value[:size], "little")
    return values


def _nanoseconds(microseconds: int) -> int:
    """In units of 1024 ns, as CoDel counts."""
    return (microseconds * 1000 >> 10) << 10


def _microseconds(time: int) -> int:
    return ((time >> 10) << 10) // 1000


def _change_codel(s: CodelSettings, values: dict[int, int], marks_after: int) -> None:
    if _TARGET in values:
        s.target = _nanoseconds(values[_TARGET])
    if _INTERVAL in values:
        s.interval = _nanoseconds(values[_INTERVAL])
    if marks_after in values:
        s.marks_after = _nanoseconds(values[marks_after])
    if _ECN in values:
        s.ecn = values[_ECN] != 0


def _told_codel(s: CodelSettings, limit: int) -> bytes:
    parts = [nl.u32(_TARGET, _microseconds(s.target)), nl.u32(_LIMIT, limit)]
    parts += [nl.u32(_INTERVAL, _microseconds(s.interval)), nl.u32(_ECN, int(s.ecn))]
    return b"".join(parts)


def _change_fair(qdisc: FairQueue, values: dict[int, int], first: bool) -> None:
    if values.get(_SELECTOR) or values.get(_MASK):
        raise SyscallError(errno.EOPNOTSUPP)
    flows = values.get(_FLOWS, qdisc.flows)
    if not 0 < flows <= _FLOWS_MOST or (_FLOWS in values and not first):
        raise SyscallError(errno.EINVAL)
    quantum = max(_QUANTUM_LEAST, values.get(_QUANTUM, qdisc.quantum))
    if quantum > _QUANTUM_MOST:
        raise nl.Refusal(errno.EINVAL, "Invalid quantum")
    _change_codel(qdisc.settings, values, _MARKS_AFTER)
    qdisc.flows, qdisc.quantum = flows, quantum
    qdisc.limit = values.get(_LIMIT, qdisc.limit)
    qdisc.drop_batch = max(1, values.get(_BATCH, qdisc.drop_batch))
    qdisc.memory_limit = min(1 << 31, values.get(_MEMORY, qdisc.memory_limit))
    qdisc.trim()


def _change_sfq(qdisc: Sfq, options: bytes) -> None:
    """sfq_change."""
    if len(options) < _SFQ.size:
        raise SyscallError(errno.EINVAL)
    quantum, perturb, limit, divisor, flows = _SFQ.unpack_from(options)
    depth = head_drop = least = 0
    if len(options) >= _SFQ.size + _SFQ_MORE.size:
        depth, head_drop, _, least, *_ = _SFQ_MORE.unpack_from(options, _SFQ.size)
    if least:
        raise SyscallError(errno.EOPNOTSUPP)
    if divisor and (divisor & (divisor - 1) or divisor > 65536):
        raise SyscallError(errno.EINVAL)
    if quantum > 0x7FFFFFFF:
        raise nl.Refusal(errno.EINVAL, "invalid quantum")
    if not 0 <= perturb <= _PERTURB_MOST:
        raise nl.Refusal(errno.EINVAL, "invalid perturb period")
    s, old = SfqSettings(quantum or qdisc.settings.quantum), qdisc.settings
    s.perturb, s.divisor = perturb, divisor or old.divisor
    s.flows = min(flows, _SFQ_FLOWS_MOST) if flows else old.flows
    s.flows = min(s.flows, s.divisor)
    s.depth = min(depth, SFQ_DEPTH) if depth else old.depth
    s.head_drop = bool(head_drop) if depth or head_drop else old.head_drop
    s.limit = old.limit
    if limit:
        s.limit = min(limit, s.depth * s.flows)
        s.flows = min(s.flows, s.limit)
    if s.limit == 1:
        raise nl.Refusal(errno.EINVAL, "invalid limit")
    qdisc.settings = s
    qdisc.again()

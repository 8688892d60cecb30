"""The queueing disciplines that there are: TCA_OPTIONS of each, read and told (include/uapi/linux/pkt_sched.h; tc-pfifo(8),
tc-tbf(8)).

Not supported: a peak rate, an overhead and other link layers of `tbf` (EOPNOTSUPP).
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.sockets.inet.link_state import queue_length
from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink import qdisc_htb, qdisc_netem, qdisc_queues
from sandbox.sockets.netlink.qdisc_queues import ETHERNET_HEADER
from tcpip.clock import NS_PER_S
from tcpip.link.qdisc import Fifo, Nothing, Qdisc
from tcpip.link.qdisc_htb import Htb
from tcpip.link.qdisc_netem import Netem
from tcpip.link.qdisc_prio import BANDS, PRIORITY_MAP, Prio
from tcpip.link.qdisc_tbf import TokenBucket

if TYPE_CHECKING:
    from tcpip.stack.egress import Discipline
    from tcpip.stack.nic import Nic

FIFOS: Final = ("pfifo", "bfifo", "pfifo_head_drop")
_KNOWN: Final = frozenset((*FIFOS, *qdisc_queues.QUEUES, "tbf", "netem", "htb", "pfifo_fast", "noqueue"))
_TICK_SHIFT: Final = 6  # PSCHED_SHIFT: a tick is 64 ns
_RATE: Final = struct.Struct(
    "<BBHhHI"
)  # struct tc_ratespec: cell_log, linklayer, overhead, cell_align, mpu, bytes a second
_PARAMETERS: Final = struct.Struct("<12s12sIII")  # struct tc_tbf_qopt: rate, peak rate, limit, buffer, mtu
_TBF_PARAMETERS, _TBF_RATE64, _TBF_PEAK64, _TBF_BURST = 1, 4, 5, 6
_ETHERNET: Final = 1
_WORD: Final = 0xFFFFFFFF


def make(nic: Nic, kind: str, options: bytes | None, handle: int) -> Qdisc:
    """A new one with these TCA_OPTIONS. EINVAL, EOPNOTSUPP; Refusal with ENOENT for a kind that is not there."""
    if kind in FIFOS:
        return Fifo(_fifo_limit(nic, kind, options), kind == "bfifo", kind == "pfifo_head_drop")
    if kind == "tbf":
        rate, burst, limit = _bucket(options)
        bucket = TokenBucket(rate, burst, limit, Fifo(limit, in_bytes=True) if limit else Nothing())
        bucket.limit = limit
        return bucket
    if kind == "netem":
        return Netem(qdisc_netem.read(options))
    if kind in qdisc_queues.QUEUES:
        return qdisc_queues.make(nic, kind, handle, options)
    if kind == "htb":
        return qdisc_htb.make(nic, handle, options)
    if kind == "pfifo_fast":
        return Prio(BANDS, PRIORITY_MAP, queue_length(nic))
    if kind == "noqueue":  # links are never slow: nothing waits
        return Fifo(queue_length(nic))
    raise nl.Refusal(errno.ENOENT, "Specified qdisc kind is unknown")


def change(nic: Nic, egress: Discipline, options: bytes | None) -> None:
    """Other TCA_OPTIONS for one that is there; what waits goes on waiting."""
    qdisc = egress.qdisc
    if options is None:
        return
    if egress.kind in ("noqueue", "pfifo_fast", "htb", "ingress", "clsact"):
        raise nl.Refusal(errno.EINVAL, "Change operation not supported by specified qdisc")
    if isinstance(qdisc, Fifo):
        qdisc.limit = _fifo_limit(nic, egress.kind, options)
    elif isinstance(qdisc, TokenBucket):
        qdisc.change(*_bucket(options))
    elif isinstance(qdisc, Netem):
        qdisc.settings = qdisc_netem.read(options)
    else:
        qdisc_queues.change(qdisc, options)


def known(kind: str) -> bool:
    """There are such."""
    return kind in _KNOWN


def has_classes(kind: str) -> bool:
    """That others are put into."""
    return kind in ("tbf", "netem", "prio", "htb")


def options_of(egress: Discipline) -> bytes:
    """The value of TCA_OPTIONS; empty where there is nothing to say."""
    qdisc = egress.qdisc
    if egress.kind in FIFOS and isinstance(qdisc, Fifo):
        return qdisc.limit.to_bytes(4, "little")
    if isinstance(qdisc, TokenBucket):
        return _told_bucket(qdisc)
    if isinstance(qdisc, Netem):
        return qdisc_netem.told(qdisc.settings)
    if isinstance(qdisc, Htb):
        return qdisc_htb.told(qdisc)
    return qdisc_queues.told(qdisc)


def _fifo_limit(nic: Nic, kind: str, options: bytes | None) -> int:
    """Without options as many as the interface's queue is long, for `bfifo` of full size (fifo_init)."""
    if options is None:
        length = queue_length(nic)
        return length * (nic.mtu + ETHERNET_HEADER) if kind == "bfifo" else length
    if len(options) < 4:
        raise SyscallError(errno.EINVAL)
    return int.from_bytes(options[:4], "little")


def _bucket(options: bytes | None) -> tuple[int, int, int]:
    """Bits a second, bytes of a burst, bytes that may wait (tbf_change)."""
    attributes = nl.attributes_in(options or b"")
    if len(attributes.get(_TBF_PARAMETERS, b"")) < _PARAMETERS.size:
        raise SyscallError(errno.EINVAL)
    spec, peak, limit, ticks, _ = _PARAMETERS.unpack_from(attributes[_TBF_PARAMETERS])
    _, layer, overhead, _, mpu, rate = _RATE.unpack(spec)
    if any(peak) or _TBF_PEAK64 in attributes or overhead or mpu or layer not in (0, _ETHERNET):
        raise SyscallError(errno.EOPNOTSUPP)
    if _TBF_RATE64 in attributes:
        rate = max(rate, int.from_bytes(attributes[_TBF_RATE64][:8], "little"))
    if _TBF_BURST in attributes:
        burst = int.from_bytes(attributes[_TBF_BURST][:4], "little")
    else:
        burst = min((ticks << _TICK_SHIFT) * rate // NS_PER_S, _WORD)
    if not rate or not burst:
        raise SyscallError(errno.EINVAL)
    return rate * 8, burst, limit


def _told_bucket(bucket: TokenBucket) -> bytes:
    rate = bucket.rate // 8
    ticks = bucket.burst * NS_PER_S // rate >> _TICK_SHIFT
    spec = _RATE.pack(0, _ETHERNET, 0, 0, 0, min(rate, _WORD))
    parts = [nl.attribute(_TBF_PARAMETERS, _PARAMETERS.pack(spec, bytes(12), bucket.limit, min(ticks, _WORD), 0))]
    if rate > _WORD:
        parts.append(nl.attribute(_TBF_RATE64, rate.to_bytes(8, "little")))
    return b"".join(parts)

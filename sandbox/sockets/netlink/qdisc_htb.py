"""TCA_OPTIONS of `htb` and of its classes (include/uapi/linux/pkt_sched.h, net/sched/sch_htb.c, tc-htb(8)).

Not supported: overheads, least packet sizes, other link layers, hardware (EOPNOTSUPP).
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.sockets.inet.link_state import queue_length
from sandbox.sockets.netlink import message as nl
from tcpip.link.qdisc_htb import Htb, HtbClass, HtbRates

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic

_PARAMETERS, _INIT, _DIRECT_LIMIT, _RATE64, _CEIL64, _OFFLOAD = 1, 2, 5, 6, 7, 9
_GLOBAL: Final = struct.Struct(
    "<5I"
)  # struct tc_htb_glob: version, rate to quantum, default class, debug, sent directly
_OPTIONS: Final = struct.Struct("<12s12s5I")  # struct tc_htb_opt: rate, ceiling, buffers, quantum, level, priority
_RATE: Final = struct.Struct("<BBHhHI")  # struct tc_ratespec
_XSTATS: Final = struct.Struct("<3I2i")  # struct tc_htb_xstats: lends, borrows, giants, tokens, those of the ceiling
_VERSION: Final = 3
_TOLD_VERSION: Final = 0x30011
_TICK_SHIFT: Final = 6
_ETHERNET: Final = 1
_WORD: Final = 0xFFFFFFFF
_INT_MOST: Final = 0x7FFFFFFF
_PRIORITY_MOST: Final = 7
_QUANTUM_LEAST, _QUANTUM_MOST = 1000, 200000


def make(nic: Nic, handle: int, options: bytes | None) -> Htb:
    """htb_init."""
    asked = nl.attributes_in(options or b"")
    fixed = asked.get(_INIT, b"")
    if len(fixed) < _GLOBAL.size:
        raise SyscallError(errno.EINVAL)
    version, r2q, default, _, _ = _GLOBAL.unpack_from(fixed)
    if version != _VERSION:
        raise SyscallError(errno.EINVAL)
    if _OFFLOAD in asked:
        raise nl.Refusal(errno.EOPNOTSUPP, "hw-tc-offload ethtool feature flag must be on")
    limit = asked.get(_DIRECT_LIMIT)
    direct = int.from_bytes(limit[:4], "little") if limit is not None else queue_length(nic)
    return Htb(handle, default, r2q, direct)


def told(qdisc: Htb) -> bytes:
    """htb_dump."""
    direct = qdisc.direct_packets & _WORD
    fixed = _GLOBAL.pack(_TOLD_VERSION, qdisc.r2q, qdisc.default, 0, direct)
    return nl.attribute(_INIT, fixed) + nl.u32(_DIRECT_LIMIT, qdisc.direct_limit)


def rates(qdisc: Htb, options: bytes | None, old: HtbRates | None) -> HtbRates:
    """What a class is to have (htb_change_class)."""
    asked = nl.attributes_in(options or b"")
    if len(asked.get(_PARAMETERS, b"")) < _OPTIONS.size:
        raise SyscallError(errno.EINVAL)
    one, other, buffer, ceil_buffer, quantum, _, priority = _OPTIONS.unpack_from(asked[_PARAMETERS])
    rate, ceil = _rate(one, asked.get(_RATE64)), _rate(other, asked.get(_CEIL64))
    if not quantum:
        quantum = max(_QUANTUM_LEAST, min(rate // max(qdisc.r2q, 1), _QUANTUM_MOST))
    priority = min(priority, _PRIORITY_MOST)
    if old is not None:
        quantum, priority = old.quantum, old.priority
    return HtbRates(rate, ceil, buffer << _TICK_SHIFT, ceil_buffer << _TICK_SHIFT, quantum, priority)


def warning(qdisc: Htb, options: bytes | None, rate: int) -> str:
    """What is wrong with the quantum that follows from the rate."""
    asked = nl.attributes_in(options or b"")
    if _OPTIONS.unpack_from(asked[_PARAMETERS])[4]:
        return ""
    quantum = rate // max(qdisc.r2q, 1)
    return "small" if quantum < _QUANTUM_LEAST else "big" if quantum > _QUANTUM_MOST else ""


def _rate(spec: bytes, wide: bytes | None) -> int:
    _, layer, overhead, _, mpu, rate = _RATE.unpack(spec)
    if not rate:
        raise SyscallError(errno.EINVAL)
    if overhead or mpu or layer not in (0, _ETHERNET):
        raise SyscallError(errno.EOPNOTSUPP)
    return max(int(rate), int.from_bytes(wide[:8], "little")) if wide is not None else int(rate)


def class_options(one: HtbClass) -> bytes:
    """TCA_OPTIONS of a class (htb_dump_class)."""
    r = one.rates
    specs = [_RATE.pack(0, _ETHERNET, 0, 0, 0, min(rate, _WORD)) for rate in (r.rate, r.ceil)]
    buffers = (r.buffer >> _TICK_SHIFT, r.ceil_buffer >> _TICK_SHIFT)
    fixed = _OPTIONS.pack(*specs, *buffers, r.quantum, one.level, r.priority)
    parts = [nl.attribute(_PARAMETERS, fixed)]
    if r.rate > _WORD:
        parts.append(nl.attribute(_RATE64, r.rate.to_bytes(8, "little")))
    if r.ceil > _WORD:
        parts.append(nl.attribute(_CEIL64, r.ceil.to_bytes(8, "little")))
    return b"".join(parts)


def class_counts(one: HtbClass) -> bytes:
    """TCA_XSTATS of a class."""
    tokens = [max(~_INT_MOST, min(n >> _TICK_SHIFT, _INT_MOST)) for n in (one.tokens, one.ceil_tokens)]
    return _XSTATS.pack(one.lends & _WORD, one.borrows & _WORD, 0, *tokens)

"""TCA_OPTIONS of the action `police` (include/uapi/linux/pkt_cls.h, net/sched/act_police.c, tc-police(8)).

Not supported: peak rates, packets a second, estimated rates, overheads (EOPNOTSUPP).
"""

from __future__ import annotations

import errno
import struct
from typing import Final

from sandbox.errors import SyscallError
from sandbox.sockets.netlink import message as nl
from tcpip.link.classify import OK, PIPE, SHOT, UNSPEC, Police

TBF, RESULT, TIMES = 1, 5, 6
_RATE_TABLE, _RATE64 = 2, 8
_READ: Final = frozenset((TBF, RESULT, _RATE_TABLE, _RATE64))
_POLICE: Final = struct.Struct(
    "<IiIII12s12siiI"
)  # struct tc_police: index, action, limit, burst, mtu, rates, counts, capabilities
_RATE: Final = struct.Struct("<BBHhHI")  # struct tc_ratespec
_TICK_SHIFT: Final = 6
_ETHERNET: Final = 1
_WORD: Final = 0xFFFFFFFF
_VERDICTS: Final = (UNSPEC, OK, SHOT, PIPE)


def read(raw: bytes, now: int) -> Police:
    """tcf_police_init; `index` as it was asked for. EINVAL, EOPNOTSUPP."""
    asked = nl.attributes_in(raw)
    if len(asked.get(TBF, b"")) < _POLICE.size:
        raise SyscallError(errno.EINVAL)
    index, verdict, _, burst, mtu, spec, peak, _, _, _ = _POLICE.unpack_from(asked[TBF])
    conforms = int.from_bytes(asked.get(RESULT, b"")[:4], "little", signed=True)
    _, layer, overhead, _, mpu, rate = _RATE.unpack(spec)
    others = any(peak) or overhead or mpu or layer not in (0, _ETHERNET)
    if others or set(asked) - _READ or verdict not in _VERDICTS or conforms not in _VERDICTS:
        raise SyscallError(errno.EOPNOTSUPP)
    if rate and _RATE_TABLE not in asked:
        raise SyscallError(errno.EINVAL)
    if _RATE64 in asked:
        rate = max(rate, int.from_bytes(asked[_RATE64][:8], "little"))
    return Police(index, verdict, now, rate, burst << _TICK_SHIFT, mtu or (255 << 10 if rate else _WORD), conforms)


def told(one: Police) -> bytes:
    """tcf_police_dump, but for the times."""
    spec = _RATE.pack(0, _ETHERNET if one.rate else 0, 0, 0, 0, min(one.rate, _WORD))
    fixed = _POLICE.pack(one.index, one.verdict, 0, one.burst >> _TICK_SHIFT, one.mtu, spec, bytes(12), 1, 1, 0)
    parts = [nl.attribute(TBF, fixed)]
    if one.rate > _WORD:
        parts.append(nl.attribute(_RATE64, one.rate.to_bytes(8, "little")))
    if one.conforms:
        parts.append(nl.u32(RESULT, one.conforms))
    return b"".join(parts)

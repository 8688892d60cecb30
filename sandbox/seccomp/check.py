"""Is a classic BPF program a valid seccomp filter? (kernel/seccomp.c: seccomp_check_filter)"""

from __future__ import annotations

import errno
from typing import Final, Sequence

from sandbox.abi.linux.seccomp import SECCOMP_DATA_SIZE
from sandbox.errors import SyscallError
from tcpip.bpf import opcodes as op
from tcpip.bpf.check import ABSOLUTE, CONDITIONS, INDIRECT, MSH, InvalidProgram
from tcpip.bpf.check import check as check_classic
from tcpip.bpf.opcodes import Insn

_LOAD: Final = op.BPF_LD | op.BPF_ABS | op.BPF_W
_DIV_X: Final = op.BPF_ALU | op.BPF_DIV | op.BPF_X
_REMAINDERS: Final = frozenset(op.BPF_ALU | op.BPF_MOD | source for source in (op.BPF_K, op.BPF_X))
_FOR_PACKETS: Final = (ABSOLUTE | INDIRECT | _REMAINDERS | {MSH}) - {_LOAD}
_INVERTIBLE: Final = frozenset((op.BPF_JEQ, op.BPF_JGT, op.BPF_JGE))


def check(program: Sequence[Insn]) -> None:
    """EINVAL."""
    try:
        check_classic(program)
    except InvalidProgram:
        raise SyscallError(errno.EINVAL) from None
    for code, _, _, k in program:
        if code in _FOR_PACKETS or (code == _LOAD and (k >= SECCOMP_DATA_SIZE or k & 3)):
            raise SyscallError(errno.EINVAL)


def converted_length(program: Sequence[Insn]) -> int:
    """Instructions of the extended BPF that Linux makes of it: what the limit for a chain counts
    (net/core/filter.c: bpf_convert_filter)."""
    length = 3
    for code, jt, jf, k in program:
        length += 1
        if code in CONDITIONS:
            if not code & op.BPF_X and k >> 31:
                length += 1
            if jf and (jt or code & 0xF0 not in _INVERTIBLE):
                length += 1
        elif code == op.BPF_RET | op.BPF_K:
            length += 1
        elif code == _DIV_X:
            length += 4
    return length

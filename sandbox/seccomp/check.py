"""Is a classic BPF program a valid seccomp filter? (net/core/filter.c: bpf_check_classic; kernel/seccomp.c:
seccomp_check_filter)"""

from __future__ import annotations

import errno
from typing import Final, Sequence

from sandbox.abi.linux.seccomp import (
    BPF_A,
    BPF_ABS,
    BPF_ADD,
    BPF_ALU,
    BPF_AND,
    BPF_DIV,
    BPF_IMM,
    BPF_JA,
    BPF_JEQ,
    BPF_JGE,
    BPF_JGT,
    BPF_JMP,
    BPF_JSET,
    BPF_K,
    BPF_LD,
    BPF_LDX,
    BPF_LEN,
    BPF_LSH,
    BPF_MEM,
    BPF_MEMWORDS,
    BPF_MISC,
    BPF_MUL,
    BPF_NEG,
    BPF_OR,
    BPF_RET,
    BPF_RSH,
    BPF_ST,
    BPF_STX,
    BPF_SUB,
    BPF_TAX,
    BPF_TXA,
    BPF_X,
    BPF_XOR,
    SECCOMP_DATA_SIZE,
)
from sandbox.errors import SyscallError

Insn = tuple[int, int, int, int]  # code, jt, jf, k

_CONDITIONS: Final = frozenset(
    BPF_JMP | op | source for op in (BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET) for source in (BPF_K, BPF_X)
)
_ARITHMETIC: Final = frozenset(
    BPF_ALU | op | source
    for op in (BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_AND, BPF_OR, BPF_XOR, BPF_LSH, BPF_RSH)
    for source in (BPF_K, BPF_X)
)
_LOADS: Final = frozenset((BPF_LD | BPF_MEM, BPF_LDX | BPF_MEM))
_STORES: Final = frozenset((BPF_ST, BPF_STX))
_RETURNS: Final = frozenset((BPF_RET | BPF_K, BPF_RET | BPF_A))
_ALLOWED: Final = (
    _CONDITIONS
    | _ARITHMETIC
    | _LOADS
    | _STORES
    | _RETURNS
    | {
        BPF_LD | BPF_ABS,
        BPF_LD | BPF_LEN,
        BPF_LDX | BPF_LEN,
        BPF_LD | BPF_IMM,
        BPF_LDX | BPF_IMM,
        BPF_ALU | BPF_NEG,
        BPF_MISC | BPF_TAX,
        BPF_MISC | BPF_TXA,
        BPF_JMP | BPF_JA,
    }
)
_INVERTIBLE: Final = frozenset((BPF_JEQ, BPF_JGT, BPF_JGE))


def check(program: Sequence[Insn]) -> None:
    """EINVAL."""
    count = len(program)
    for at, (code, jt, jf, k) in enumerate(program):
        left = count - at - 1
        if (
            code not in _ALLOWED
            or (code == BPF_LD | BPF_ABS and (k >= SECCOMP_DATA_SIZE or k & 3))
            or (code == BPF_ALU | BPF_DIV | BPF_K and k == 0)
            or (code in (BPF_ALU | BPF_LSH | BPF_K, BPF_ALU | BPF_RSH | BPF_K) and k >= 32)
            or (code in _LOADS | _STORES and k >= BPF_MEMWORDS)
            or (code == BPF_JMP | BPF_JA and k >= left)
            or (code in _CONDITIONS and max(jt, jf) >= left)
        ):
            raise SyscallError(errno.EINVAL)
    if program[-1][0] not in _RETURNS:
        raise SyscallError(errno.EINVAL)
    _check_memory(program)


def _check_memory(program: Sequence[Insn]) -> None:
    """No word of M[] is read on any path that has not stored it (check_load_and_stores)."""
    every = (1 << BPF_MEMWORDS) - 1
    masks = [every] * (len(program) + 1)
    valid = 0
    for at, (code, jt, jf, k) in enumerate(program):
        valid &= masks[at]
        if code in _STORES:
            valid |= 1 << k
        elif code in _LOADS:
            if not valid >> k & 1:
                raise SyscallError(errno.EINVAL)
        elif code == BPF_JMP | BPF_JA:
            masks[at + 1 + k] &= valid
            valid = every
        elif code in _CONDITIONS:
            masks[at + 1 + jt] &= valid
            masks[at + 1 + jf] &= valid
            valid = every


def converted_length(program: Sequence[Insn]) -> int:
    """Instructions of the extended BPF that Linux makes of it: what the limit for a chain counts
    (net/core/filter.c: bpf_convert_filter)."""
    length = 3
    for code, jt, jf, k in program:
        length += 1
        if code in _CONDITIONS:
            if not code & BPF_X and k >> 31:
                length += 1
            if jf and (jt or code & 0xF0 not in _INVERTIBLE):
                length += 1
        elif code == BPF_RET | BPF_K:
            length += 1
        elif code == BPF_ALU | BPF_DIV | BPF_X:
            length += 4
    return length

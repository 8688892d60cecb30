"""Is a classic BPF program one that may be run? What passes ends: jumps lead forward, and stay inside.

Source: net/core/filter.c: bpf_check_classic, check_load_and_stores.
"""

from __future__ import annotations

from typing import Final, Sequence

from tcpip.bpf import opcodes as op
from tcpip.bpf.opcodes import BPF_MAXINSNS, BPF_MEMWORDS, SKF_AD_OFF, SKF_AD_VLAN_TPID, Insn

CONDITIONS: Final = frozenset(
    op.BPF_JMP | test | source
    for test in (op.BPF_JEQ, op.BPF_JGT, op.BPF_JGE, op.BPF_JSET)
    for source in (op.BPF_K, op.BPF_X)
)
_BINARY: Final = (
    op.BPF_ADD,
    op.BPF_SUB,
    op.BPF_MUL,
    op.BPF_DIV,
    op.BPF_MOD,
    op.BPF_AND,
    op.BPF_OR,
    op.BPF_XOR,
    op.BPF_LSH,
    op.BPF_RSH,
)
_ARITHMETIC: Final = frozenset(op.BPF_ALU | what | source for what in _BINARY for source in (op.BPF_K, op.BPF_X))
_SIZES: Final = (op.BPF_W, op.BPF_H, op.BPF_B)
ABSOLUTE: Final = frozenset(op.BPF_LD | op.BPF_ABS | size for size in _SIZES)
INDIRECT: Final = frozenset(op.BPF_LD | op.BPF_IND | size for size in _SIZES)
MSH: Final = op.BPF_LDX | op.BPF_B | op.BPF_MSH
LOADS: Final = frozenset((op.BPF_LD | op.BPF_MEM, op.BPF_LDX | op.BPF_MEM))
STORES: Final = frozenset((op.BPF_ST, op.BPF_STX))
RETURNS: Final = frozenset((op.BPF_RET | op.BPF_K, op.BPF_RET | op.BPF_A))
JA: Final = op.BPF_JMP | op.BPF_JA
_CELLS: Final = LOADS | STORES
_DIVISIONS: Final = frozenset((op.BPF_ALU | op.BPF_DIV | op.BPF_K, op.BPF_ALU | op.BPF_MOD | op.BPF_K))
_SHIFTS: Final = frozenset((op.BPF_ALU | op.BPF_LSH | op.BPF_K, op.BPF_ALU | op.BPF_RSH | op.BPF_K))
_VALID: Final = (
    CONDITIONS
    | _ARITHMETIC
    | ABSOLUTE
    | INDIRECT
    | _CELLS
    | RETURNS
    | {
        MSH,
        JA,
        op.BPF_LD | op.BPF_LEN,
        op.BPF_LDX | op.BPF_LEN,
        op.BPF_LD | op.BPF_IMM,
        op.BPF_LDX | op.BPF_IMM,
        op.BPF_ALU | op.BPF_NEG,
        op.BPF_MISC | op.BPF_TAX,
        op.BPF_MISC | op.BPF_TXA,
    }
)
_ANCILLARY: Final = frozenset(range(SKF_AD_OFF, SKF_AD_OFF + SKF_AD_VLAN_TPID + 4, 4))


class InvalidProgram(Exception):
    """The kernel would answer EINVAL."""


def check(program: Sequence[Insn]) -> None:
    """InvalidProgram."""
    count = len(program)
    if not 0 < count <= BPF_MAXINSNS:
        raise InvalidProgram
    for at, (code, jt, jf, k) in enumerate(program):
        left = count - at - 1
        if (
            code not in _VALID
            or (code in _DIVISIONS and k == 0)
            or (code in _SHIFTS and k >= 32)
            or (code in _CELLS and k >= BPF_MEMWORDS)
            or (code == JA and k >= left)
            or (code in CONDITIONS and max(jt, jf) >= left)
            or (code in ABSOLUTE and k >= SKF_AD_OFF and k not in _ANCILLARY)
        ):
            raise InvalidProgram
    if program[-1][0] not in RETURNS:
        raise InvalidProgram
    _check_memory(program)


def _check_memory(program: Sequence[Insn]) -> None:
    """No word of M[] is read on any path that has not stored it (check_load_and_stores)."""
    every = (1 << BPF_MEMWORDS) - 1
    masks = [every] * (len(program) + 1)
    valid = 0
    for at, (code, jt, jf, k) in enumerate(program):
        valid &= masks[at]
        if code in STORES:
            valid |= 1 << k
        elif code in LOADS:
            if not valid >> k & 1:
                raise InvalidProgram
        elif code == JA:
            masks[at + 1 + k] &= valid
            valid = every
        elif code in CONDITIONS:
            masks[at + 1 + jt] &= valid
            masks[at + 1 + jf] &= valid
            valid = every

"""Runs a checked classic BPF program (net/core/filter.c: bpf_convert_filter; kernel/bpf/core.c)."""

from __future__ import annotations

from typing import Final, Sequence

from tcpip.bpf import opcodes as op
from tcpip.bpf.opcodes import BPF_MEMWORDS, SKF_AD_ALU_XOR_X, SKF_AD_OFF, Insn

_MASK: Final = 0xFFFFFFFF
_JEQ_K: Final = op.BPF_JMP | op.BPF_JEQ | op.BPF_K
_RET_K: Final = op.BPF_RET | op.BPF_K
_LD: Final = op.BPF_LD
_JA: Final = op.BPF_JMP | op.BPF_JA
_LD_ABS_W: Final = op.BPF_LD | op.BPF_ABS | op.BPF_W
_MSH: Final = op.BPF_LDX | op.BPF_B | op.BPF_MSH
_MODE: Final = 0xE0
_SIZE: Final = 0x18
_XOR_X: Final = SKF_AD_OFF + SKF_AD_ALU_XOR_X
BAD_LOAD: Final = -1


class FilterInput:
    """What a program looks at."""

    __slots__ = ("length",)

    def __init__(self, length: int) -> None:
        self.length = length

    def load(self, offset: int, size: int) -> int:
        """1, 2 or 4 bytes at an unsigned 32-bit offset as a number; BAD_LOAD when there are none."""
        raise NotImplementedError

    def ancillary(self, what: int, a: int, x: int) -> int:
        """The datum SKF_AD_*; BAD_LOAD when there is none."""
        return BAD_LOAD


def run(program: Sequence[Insn], data: FilterInput) -> int:
    """What it returns; 0 also after a load of what is not there, and a division by zero. Jumps lead forward only, so it
    ends."""
    a = x = at = 0
    memory = [0] * BPF_MEMWORDS
    while True:
        code, jt, jf, k = program[at]
        at += 1
        if code == _JEQ_K:
            at += jt if a == k else jf
        elif code == _RET_K:
            return k
        elif (kind := code & 7) == _LD:
            a = data.load(k, 4) if code == _LD_ABS_W and k < SKF_AD_OFF else _load(code, k, a, x, memory, data)
            if a < 0:
                return 0
        elif code == _JA:
            at += k
        elif kind == op.BPF_JMP:
            at += jt if _holds(code & 0xF0, a, x if code & op.BPF_X else k) else jf
        elif kind == op.BPF_RET:
            return a
        elif kind == op.BPF_ALU:
            a = _compute(code & 0xF0, a, x if code & op.BPF_X else k)
            if a < 0:
                return 0
        elif kind == op.BPF_LDX:
            if code == _MSH:
                x = data.load(k, 1)
                if x < 0:
                    return 0
                x = (x & 15) << 2
            else:
                x = _load(code & ~op.BPF_LDX, k, a, x, memory, data)
        elif kind == op.BPF_ST:
            memory[k] = a
        elif kind == op.BPF_STX:
            memory[k] = x
        elif code & op.BPF_TXA:
            a = x
        else:
            x = a


def _load(code: int, k: int, a: int, x: int, memory: list[int], data: FilterInput) -> int:
    mode = code & _MODE
    if mode == op.BPF_MEM:
        return memory[k]
    if mode == op.BPF_IMM:
        return k
    if mode == op.BPF_LEN:
        return data.length
    size = 4 if code & _SIZE == op.BPF_W else 2 if code & _SIZE == op.BPF_H else 1
    if mode == op.BPF_IND:
        return data.load(x + k & _MASK, size)
    if k == _XOR_X:
        return a ^ x
    if k >= SKF_AD_OFF:
        return data.ancillary(k - SKF_AD_OFF, a, x)
    return data.load(k, size)


def _holds(test: int, a: int, operand: int) -> bool:
    if test == op.BPF_JEQ:
        return a == operand
    if test == op.BPF_JGT:
        return a > operand
    if test == op.BPF_JGE:
        return a >= operand
    return a & operand != 0  # BPF_JSET


def _compute(what: int, a: int, operand: int) -> int:
    """-1 for a division by zero."""
    if what == op.BPF_AND:
        return a & operand
    if what == op.BPF_OR:
        return a | operand
    if what == op.BPF_LSH:
        return a << (operand & 31) & _MASK
    if what == op.BPF_RSH:
        return a >> (operand & 31)
    if what == op.BPF_ADD:
        return a + operand & _MASK
    if what == op.BPF_SUB:
        return a - operand & _MASK
    if what == op.BPF_MUL:
        return a * operand & _MASK
    if what == op.BPF_DIV:
        return a // operand if operand else -1
    if what == op.BPF_MOD:
        return a % operand if operand else -1
    if what == op.BPF_NEG:
        return -a & _MASK
    return a ^ operand  # BPF_XOR

"""Runs a checked filter over one system call (kernel/bpf/core.c, for the instructions that seccomp allows)."""

from __future__ import annotations

from typing import Final, Sequence

from sandbox.abi.linux.seccomp import (
    BPF_A,
    BPF_ABS,
    BPF_ADD,
    BPF_ALU,
    BPF_AND,
    BPF_DIV,
    BPF_JA,
    BPF_JEQ,
    BPF_JGE,
    BPF_JGT,
    BPF_JMP,
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
    BPF_X,
    SECCOMP_DATA_SIZE,
)
from sandbox.seccomp.check import Insn

_MASK: Final = 0xFFFFFFFF
_CALL_ONLY: Final = 8  # below this offset are the number and the architecture, which a call's number decides

_LD_ABS: Final = BPF_LD | BPF_ABS
_JEQ_K: Final = BPF_JMP | BPF_JEQ | BPF_K
_RET_K: Final = BPF_RET | BPF_K
_RET_A: Final = BPF_RET | BPF_A
_JA: Final = BPF_JMP | BPF_JA
_DIV_X: Final = BPF_ALU | BPF_DIV | BPF_X


class Run:
    """One run: its `value`, and whether nothing but the call's number could have changed it (`pure`)."""

    __slots__ = ("value", "pure")

    def __init__(self, value: int, pure: bool) -> None:
        self.value = value
        self.pure = pure


def run(program: Sequence[Insn], words: Sequence[int]) -> Run:
    """`words`: struct seccomp_data as 16 words. Jumps lead forward only, so it ends."""
    a = x = at = 0
    pure = True
    memory = [0] * BPF_MEMWORDS
    while True:
        code, jt, jf, k = program[at]
        at += 1
        if code == _LD_ABS:
            pure = pure and k < _CALL_ONLY
            a = words[k >> 2]
        elif code == _JEQ_K:
            at += jt if a == k else jf
        elif code == _RET_K:
            return Run(k, pure)
        elif code == _RET_A:
            return Run(a, pure)
        elif code == _JA:
            at += k
        elif code & 7 == BPF_JMP:
            at += jt if _holds(code & 0xF0, a, x if code & BPF_X else k) else jf
        elif code & 7 == BPF_ALU:
            if code == _DIV_X and not x:
                return Run(0, pure)
            a = _compute(code & 0xF0, a, x if code & BPF_X else k)
        elif code == BPF_MISC | BPF_TAX:
            x = a
        elif code & 7 == BPF_MISC:
            a = x
        elif code == BPF_ST:
            memory[k] = a
        elif code == BPF_STX:
            memory[k] = x
        elif code & 7 == BPF_LD:
            a = _load(code, k, memory)
        else:
            x = _load(code & ~BPF_LDX, k, memory)


def _load(code: int, k: int, memory: list[int]) -> int:
    if code == BPF_LD | BPF_MEM:
        return memory[k]
    return SECCOMP_DATA_SIZE if code == BPF_LD | BPF_LEN else k


def _holds(op: int, a: int, operand: int) -> bool:
    if op == BPF_JEQ:
        return a == operand
    if op == BPF_JGT:
        return a > operand
    if op == BPF_JGE:
        return a >= operand
    return a & operand != 0  # BPF_JSET


def _compute(op: int, a: int, operand: int) -> int:
    if op == BPF_AND:
        return a & operand
    if op == BPF_OR:
        return a | operand
    if op == BPF_LSH:
        return a << (operand & 31) & _MASK
    if op == BPF_RSH:
        return a >> (operand & 31)
    if op == BPF_ADD:
        return a + operand & _MASK
    if op == BPF_SUB:
        return a - operand & _MASK
    if op == BPF_MUL:
        return a * operand & _MASK
    if op == BPF_DIV:
        return a // operand
    if op == BPF_NEG:
        return -a & _MASK
    return a ^ operand  # BPF_XOR

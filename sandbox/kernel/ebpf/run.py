"""Runs a program that verify.py has accepted (kernel/bpf/core.c: ___bpf_prog_run): it only goes forward, so it ends."""

from __future__ import annotations

import sys
from typing import Final

from sandbox.abi.linux import bpf

MASK64: Final = (1 << 64) - 1
MASK32: Final = (1 << 32) - 1


def run(code: bytes, context: bytes) -> int:
    """What it leaves in R0, 32 bits; R1 is the address 0 of `context`."""
    registers = [0] * 11
    at = 0
    while True:
        op, operands, offset, immediate = bpf.INSTRUCTION.unpack_from(code, at * 8)
        dst, src = operands & 15, operands >> 4
        kind = op & 7
        at += 1
        if kind in (bpf.BPF_ALU, bpf.BPF_ALU64):
            other = registers[src] if op & bpf.BPF_X else immediate & MASK64
            registers[dst] = _alu(op, registers[dst], other, immediate, kind == bpf.BPF_ALU64)
        elif op == bpf.BPF_JMP | bpf.BPF_EXIT:
            return registers[0] & MASK32
        elif kind in (bpf.BPF_JMP, bpf.BPF_JMP32):
            other = registers[src] if op & bpf.BPF_X else immediate & MASK64
            if _jumps(op & 0xF0, registers[dst], other, 32 if kind == bpf.BPF_JMP32 else 64):
                at += immediate if op == bpf.BPF_JMP32 else offset
        elif kind == bpf.BPF_LDX:
            where = registers[src] + offset & MASK64
            registers[dst] = int.from_bytes(context[where : where + bpf.BPF_SIZES[op & 0x18]], "little")
        else:  # BPF_LD_IMM64
            high = bpf.INSTRUCTION.unpack_from(code, at * 8)[3]
            registers[dst] = immediate & MASK32 | (high & MASK32) << 32
            at += 1


def _alu(op: int, value: int, other: int, immediate: int, wide: bool) -> int:
    what = op & 0xF0
    if what == bpf.BPF_END:
        return _swapped(op, value, immediate)
    bits, mask = (64, MASK64) if wide else (32, MASK32)
    value, other = value & mask, other & mask
    if what == bpf.BPF_ADD:
        value += other
    elif what == bpf.BPF_SUB:
        value -= other
    elif what == bpf.BPF_MUL:
        value *= other
    elif what == bpf.BPF_DIV:
        value = value // other if other else 0
    elif what == bpf.BPF_MOD:
        value = value % other if other else value
    elif what == bpf.BPF_OR:
        value |= other
    elif what == bpf.BPF_AND:
        value &= other
    elif what == bpf.BPF_XOR:
        value ^= other
    elif what == bpf.BPF_LSH:
        value <<= other & bits - 1
    elif what == bpf.BPF_RSH:
        value >>= other & bits - 1
    elif what == bpf.BPF_ARSH:
        value = _signed(value, bits) >> (other & bits - 1)
    elif what == bpf.BPF_NEG:
        value = -value
    else:  # BPF_MOV
        value = other
    return value & mask


def _swapped(op: int, value: int, bits: int) -> int:
    """To the order of bytes that the instruction names, of the lower `bits`; of class ALU64 always swapped."""
    size = bits // 8
    value &= (1 << bits) - 1
    if op & 7 == bpf.BPF_ALU and not op & bpf.BPF_X and sys.byteorder == "little":
        return value
    return int.from_bytes(value.to_bytes(size, "little"), "big")


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> bits - 1 else value


def _jumps(what: int, value: int, other: int, bits: int) -> bool:
    mask = (1 << bits) - 1
    value, other = value & mask, other & mask
    if what == bpf.BPF_JA:
        return True
    if what == bpf.BPF_JSET:
        return value & other != 0
    if what in (bpf.BPF_JSGT, bpf.BPF_JSGE, bpf.BPF_JSLT, bpf.BPF_JSLE):
        value, other = _signed(value, bits), _signed(other, bits)
    if what == bpf.BPF_JEQ:
        return value == other
    if what == bpf.BPF_JNE:
        return value != other
    if what in (bpf.BPF_JGT, bpf.BPF_JSGT):
        return value > other
    if what in (bpf.BPF_JGE, bpf.BPF_JSGE):
        return value >= other
    if what in (bpf.BPF_JLT, bpf.BPF_JSLT):
        return value < other
    return value <= other

"""Looks through a program before it may be attached (kernel/bpf/verifier.c).

What it lets through is what container runtimes and systemd make for devices: arithmetic, jumps forward, reads of the
context. Loops, the stack, helpers and maps are refused. One pass is enough, since what is known of the registers at an
instruction comes only from those before it; Linux follows each path by itself and so accepts a few more programs.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import bpf

if TYPE_CHECKING:
    Range = tuple[int, int]
    State = list[Range | None]

MOST: Final = (1 << 64) - 1
CONTEXT: Final = (-1, -1)
FRAME: Final = (-2, -2)
"""What a register has: CONTEXT, FRAME (R10, and other memory that cannot be read), the least and the most that a number can be, None: nothing."""


class Refused(Exception):
    """`errno`, and in `args` what the log says."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(text)
        self.errno = number


def verify(code: bytes, context: bool) -> None:
    """A program for devices, or one that reads no `context`. Refused."""
    count = len(code) // 8
    insns = [bpf.INSTRUCTION.unpack_from(code, 8 * n) for n in range(count)]
    states: list[State | None] = [None] * count
    first: State = [None] * 11
    first[1], first[10] = CONTEXT if context else FRAME, FRAME
    states[0] = first
    at = 0
    while at < count:
        state = states[at]
        if state is None:
            raise Refused(errno.EINVAL, f"unreachable insn {at}")
        at = _step(insns, states, at, list(state))


def _step(insns: list[tuple[int, int, int, int]], states: list[State | None], at: int, state: State) -> int:
    """One instruction, in `state`: the next one to look at."""
    op, operands, offset, immediate = insns[at]
    dst, src = operands & 15, operands >> 4
    kind = op & 7
    if dst > 10 or src > 10:
        raise Refused(errno.EINVAL, f"R{max(dst, src)} is invalid")
    if op == bpf.BPF_JMP | bpf.BPF_EXIT:
        _leave(state)
        return at + 1
    if kind in (bpf.BPF_JMP, bpf.BPF_JMP32):
        return _jump(insns, states, at, state)
    width = 1
    if kind in (bpf.BPF_ALU, bpf.BPF_ALU64):
        value = _alu(op, dst, src, offset, immediate, state)
    elif kind == bpf.BPF_LDX and op & 0xE0 == bpf.BPF_MEM:
        value = _load(bpf.BPF_SIZES[op & 0x18], src, offset, state)
    elif op == bpf.BPF_LD_IMM64:
        width = 2
        if at + 1 >= len(insns) or insns[at + 1][:3] != (0, 0, 0) or offset:
            raise Refused(errno.EINVAL, "invalid bpf_ld_imm64 insn")
        if src:
            raise Refused(errno.EINVAL, "maps are not supported")
        value = (number := immediate & 0xFFFFFFFF | (insns[at + 1][3] & 0xFFFFFFFF) << 32, number)
    elif kind in (bpf.BPF_ST, bpf.BPF_STX):
        raise Refused(errno.EACCES, f"R{dst} cannot write")
    else:
        raise Refused(errno.EINVAL, f"unknown opcode {op:02x}")
    if dst == 10:
        raise Refused(errno.EACCES, "frame pointer is read only")
    state[dst] = value
    _reach(states, at, at + width, state)
    return at + width


def _reach(states: list[State | None], at: int, to: int, state: State) -> None:
    """Control goes from `at` to `to` with `state`: what holds there whichever way it was reached."""
    if to >= len(states):
        raise Refused(errno.EINVAL, f"jump out of range from insn {at} to {to}")
    if to <= at:
        raise Refused(errno.EINVAL, f"back-edge from insn {at} to {to}")
    known = states[to]
    states[to] = list(state) if known is None else [_either(a, b) for a, b in zip(known, state, strict=True)]


def _either(a: Range | None, b: Range | None) -> Range | None:
    if a == b:
        return a
    if a is None or b is None or a[0] < 0 or b[0] < 0:
        return None
    return min(a[0], b[0]), max(a[1], b[1])


def _read(register: int, state: State) -> Range:
    found = state[register]
    if found is None:
        raise Refused(errno.EACCES, f"R{register} !read_ok")
    return found


def _number(register: int, state: State) -> Range:
    found = _read(register, state)
    if found[0] < 0:
        raise Refused(errno.EACCES, f"R{register} pointer arithmetic or comparison prohibited")
    return found


def _leave(state: State) -> None:
    least, most = _read(0, state)
    if least < 0 or most > 1:
        raise Refused(
            errno.EINVAL, f"At program exit the register R0 has value in [{least}, {most}], should be in [0, 1]"
        )


def _jump(insns: list[tuple[int, int, int, int]], states: list[State | None], at: int, state: State) -> int:
    op, operands, offset, immediate = insns[at]
    what = op & 0xF0
    if what == bpf.BPF_CALL:
        raise Refused(errno.EINVAL, "functions are not supported")
    if what > bpf.BPF_JSLE or what == bpf.BPF_EXIT or (what == bpf.BPF_JA and op & bpf.BPF_X):
        raise Refused(errno.EINVAL, f"unknown opcode {op:02x}")
    if what == bpf.BPF_JA:
        _reach(states, at, at + 1 + (immediate if op & 7 == bpf.BPF_JMP32 else offset), state)
        return at + 1
    _number(operands & 15, state)
    if op & bpf.BPF_X:
        _number(operands >> 4, state)
    elif operands >> 4:
        raise Refused(errno.EINVAL, "BPF_JMP uses reserved fields")
    _reach(states, at, at + 1 + offset, state)
    _reach(states, at, at + 1, state)
    return at + 1


def _load(size: int, src: int, offset: int, state: State) -> Range:
    """Of the context (cgroup_dev_is_valid_access): of what kind of access it is, also parts."""
    if _read(src, state) != CONTEXT:
        raise Refused(errno.EACCES, f"R{src} invalid mem access")
    end = bpf.BPF_DEVCG_CTX.size
    if not 0 <= offset <= end - size or offset % size or (size != 4 and not (size < 4 and offset < 4)):
        raise Refused(errno.EACCES, f"invalid bpf_context access off={offset} size={size}")
    return 0, (1 << 8 * size) - 1


def _alu(op: int, dst: int, src: int, offset: int, immediate: int, state: State) -> Range:
    """What an instruction leaves in its register, as far as it is known."""
    what, wide = op & 0xF0, op & 7 == bpf.BPF_ALU64
    most = MOST if wide else 0xFFFFFFFF
    if what > bpf.BPF_END or offset:
        raise Refused(errno.EINVAL, f"unknown opcode {op:02x}")
    if what == bpf.BPF_END:
        if immediate not in (16, 32, 64) or src or (wide and op & bpf.BPF_X):
            raise Refused(errno.EINVAL, "BPF_END uses reserved fields")
        _number(dst, state)
        return 0, (1 << immediate) - 1
    if what == bpf.BPF_NEG:
        if op & bpf.BPF_X or src or immediate:
            raise Refused(errno.EINVAL, "BPF_NEG uses reserved fields")
        _number(dst, state)
        return 0, most
    if what == bpf.BPF_MOV and op & bpf.BPF_X and wide:
        return _read(src, state)
    if op & bpf.BPF_X and immediate or not op & bpf.BPF_X and src:
        raise Refused(errno.EINVAL, "BPF_ALU uses reserved fields")
    number = immediate & most
    other = _number(src, state) if op & bpf.BPF_X else (number, number)
    if what == bpf.BPF_MOV:
        return other if other[1] <= most else (0, most)
    if (
        what in (bpf.BPF_LSH, bpf.BPF_RSH, bpf.BPF_ARSH)
        and not op & bpf.BPF_X
        and immediate not in range(64 if wide else 32)
    ):
        raise Refused(errno.EINVAL, f"invalid shift {immediate}")
    if what in (bpf.BPF_DIV, bpf.BPF_MOD) and not op & bpf.BPF_X and not immediate:
        raise Refused(errno.EINVAL, "div by zero")
    own = _number(dst, state)
    if what == bpf.BPF_AND:
        return 0, min(own[1], other[1], most)
    if what == bpf.BPF_RSH and other[0] == other[1] and own[1] <= most:
        return own[0] >> other[0], own[1] >> other[0]
    return 0, most

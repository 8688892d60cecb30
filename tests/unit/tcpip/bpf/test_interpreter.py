"""Whatever the checker lets through ends and gives 32 bits; what it must not let through, it does not."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpip.bpf import opcodes as op
from tcpip.bpf.check import InvalidProgram, check
from tcpip.bpf.interpreter import run
from tcpip.bpf.opcodes import Insn
from tcpip.bpf.packet import PacketInput
from tcpip.buffer import RxPacket

ALL: Insn = (op.BPF_RET | op.BPF_K, 0, 0, 0xFFFFFFFF)
RET_A: Insn = (op.BPF_RET | op.BPF_A, 0, 0, 0)
IMM: int = op.BPF_LD | op.BPF_IMM
IMM_X: int = op.BPF_LDX | op.BPF_IMM
ABS: int = op.BPF_LD | op.BPF_ABS

CODES = st.one_of(st.integers(0, 255), st.sampled_from([0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0xB1, 0x15, 0x60, 0x61, 2]))
NUMBERS = st.one_of(
    st.integers(0, 40),
    st.integers(0, 15).map(lambda n: op.SKF_AD_OFF + 4 * n),
    st.integers(0, 60).map(lambda n: op.SKF_NET_OFF + n),
    st.integers(0, 60).map(lambda n: op.SKF_LL_OFF + n),
    st.integers(0, 0xFFFFFFFF),
)
INSNS = st.tuples(CODES, st.integers(0, 3), st.integers(0, 3), NUMBERS)


def packet(data: bytes) -> PacketInput:
    return PacketInput(RxPacket(data), 0, Random(1))


def result(*program: Insn, data: bytes = b"") -> int:
    check(program)
    return run(program, packet(data))


@given(st.lists(INSNS, max_size=12), st.binary(max_size=40))
def test_what_is_checked_ends(program: list[Insn], data: bytes) -> None:
    whole = [*program, RET_A]
    try:
        check(whole)
    except InvalidProgram:
        return
    assert 0 <= run(whole, packet(data)) <= 0xFFFFFFFF


def test_the_longest_program_runs_to_its_end() -> None:
    add: Insn = (op.BPF_ALU | op.BPF_ADD | op.BPF_K, 0, 0, 1)
    assert result(*[add] * (op.BPF_MAXINSNS - 1), RET_A) == op.BPF_MAXINSNS - 1
    with pytest.raises(InvalidProgram):
        check([add] * op.BPF_MAXINSNS + [RET_A])


@pytest.mark.parametrize(
    "what, a, x, expected",
    [
        (op.BPF_ADD, 0xFFFFFFFF, 2, 1),
        (op.BPF_SUB, 1, 2, 0xFFFFFFFF),
        (op.BPF_MUL, 0x10000, 0x10001, 0x10000),
        (op.BPF_DIV, 0xFFFFFFFF, 2, 0x7FFFFFFF),
        (op.BPF_MOD, 17, 5, 2),
        (op.BPF_DIV, 17, 0, 0),
        (op.BPF_MOD, 17, 0, 0),
        (op.BPF_LSH, 3, 33, 6),
        (op.BPF_RSH, 0x80000000, 31, 1),
        (op.BPF_XOR, 5, 6, 3),
    ],
)
def test_arithmetic(what: int, a: int, x: int, expected: int) -> None:
    assert result((IMM, 0, 0, a), (IMM_X, 0, 0, x), (op.BPF_ALU | what | op.BPF_X, 0, 0, 0), RET_A) == expected


def test_attributes_of_netlink() -> None:
    """Two attributes behind 4 bytes; the second holds one of type 7."""
    inner = b"\x08\0\x07\0abcd"
    data = b"head" + b"\x05\0\x01\0x\0\0\0" + b"\x0c\0\x02\x80" + inner

    def find(what: int, start: int, kind: int) -> int:
        return result((IMM, 0, 0, start), (IMM_X, 0, 0, kind), (ABS, 0, 0, op.SKF_AD_OFF + what), RET_A, data=data)

    assert find(op.SKF_AD_NLATTR, 4, 1) == 4
    assert find(op.SKF_AD_NLATTR, 4, 2) == 12
    assert find(op.SKF_AD_NLATTR, 4, 7) == 0
    assert find(op.SKF_AD_NLATTR_NEST, 12, 7) == 16
    assert find(op.SKF_AD_NLATTR_NEST, 12, 8) == 0
    assert find(op.SKF_AD_NLATTR, len(data) - 3, 1) == 0
    assert find(op.SKF_AD_NLATTR_NEST, 0xFFFFFFFF, 7) == 0

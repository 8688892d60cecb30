"""Programs of control groups: whatever is accepted ends, reads nothing but its context and says 0 or 1."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.abi.linux import bpf
from sandbox.kernel.ebpf.run import run
from sandbox.kernel.ebpf.verify import Refused, verify

INSTRUCTIONS = st.tuples(
    st.one_of(
        st.integers(0, 255),
        st.sampled_from(
            [bpf.BPF_JMP | bpf.BPF_EXIT, bpf.BPF_ALU64 | bpf.BPF_MOV, bpf.BPF_LDX | bpf.BPF_MEM, bpf.BPF_LD_IMM64, 0]
        ),
        st.builds(
            lambda kind, what, source: kind | what | source,
            st.sampled_from([bpf.BPF_ALU, bpf.BPF_ALU64, bpf.BPF_JMP, bpf.BPF_JMP32]),
            st.integers(0, 13).map(lambda n: n << 4),
            st.sampled_from([0, bpf.BPF_X]),
        ),
    ),
    st.integers(0, 3).flatmap(lambda dst: st.integers(0, 3).map(lambda src: dst | src << 4)) | st.integers(0, 255),
    st.integers(0, 12) | st.integers(-32768, 32767),
    st.sampled_from([0, 1, 16, 32]) | st.integers(-(1 << 31), (1 << 31) - 1),
)
START = bpf.INSTRUCTION.pack(bpf.BPF_ALU64 | bpf.BPF_MOV, 0, 0, 1) + bpf.INSTRUCTION.pack(
    bpf.BPF_ALU64 | bpf.BPF_MOV, 2, 0, 7
)
END = bpf.INSTRUCTION.pack(bpf.BPF_ALU64 | bpf.BPF_AND, 0, 0, 1) + bpf.INSTRUCTION.pack(
    bpf.BPF_JMP | bpf.BPF_EXIT, 0, 0, 0
)


@settings(max_examples=1000)
@given(st.lists(INSTRUCTIONS, max_size=6), st.binary(min_size=12, max_size=12))
def test_what_is_accepted_ends_and_says_yes_or_no(middle: list[tuple[int, int, int, int]], context: bytes) -> None:
    code = START + b"".join([bpf.INSTRUCTION.pack(*one) for one in middle]) + END
    try:
        verify(code, True)
    except Refused:
        return
    assert run(code, context) in (0, 1)


def code_of(*instructions: tuple[int, int, int, int]) -> bytes:
    return b"".join([bpf.INSTRUCTION.pack(*one) for one in instructions])


EXIT = (bpf.BPF_JMP | bpf.BPF_EXIT, 0, 0, 0)


@pytest.mark.parametrize(
    "op, value, other, result",
    [
        (bpf.BPF_ALU64 | bpf.BPF_ADD, -1, 1, 0),
        (bpf.BPF_ALU | bpf.BPF_SUB, 0, 1, 0xFFFFFFFF),
        (bpf.BPF_ALU64 | bpf.BPF_ARSH, -8, 1, 0xFFFFFFFC),
        (bpf.BPF_ALU | bpf.BPF_ARSH, -8, 1, 0xFFFFFFFC),
        (bpf.BPF_ALU64 | bpf.BPF_MOD | bpf.BPF_X, 7, 0, 7),  # by zero: as it was
        (bpf.BPF_ALU64 | bpf.BPF_DIV | bpf.BPF_X, 7, 0, 0),
        (bpf.BPF_ALU | bpf.BPF_END | bpf.BPF_X, 0x1234, 16, 0x3412),
        (bpf.BPF_ALU | bpf.BPF_END, 0x11234, 16, 0x1234),
        (bpf.BPF_ALU64 | bpf.BPF_END, 0x1234, 16, 0x3412),
    ],
)
def test_arithmetic(op: int, value: int, other: int, result: int) -> None:
    """As instruction-set.rst has it; what comes out is cut to 32 bits."""
    source = 0x10 if op & bpf.BPF_X and op & 0xF0 != bpf.BPF_END else 0
    mov = bpf.BPF_ALU64 | bpf.BPF_MOV
    assert run(code_of((mov, 0, 0, value), (mov, 1, 0, other), (op, source, 0, other), EXIT), b"") == result


@pytest.mark.parametrize(
    "what, taken",
    [
        (bpf.BPF_JEQ, (False, True, False)),
        (bpf.BPF_JNE, (True, False, True)),
        (bpf.BPF_JGT, (True, False, False)),  # -1 is the greatest
        (bpf.BPF_JSGT, (False, False, False)),
        (bpf.BPF_JLT, (False, False, True)),
        (bpf.BPF_JSLT, (True, False, True)),
        (bpf.BPF_JSGE, (False, True, False)),
        (bpf.BPF_JSLE, (True, True, True)),
        (bpf.BPF_JSET, (True, True, True)),
    ],
)
@pytest.mark.parametrize("kind", [bpf.BPF_JMP, bpf.BPF_JMP32])
def test_jumps(what: int, taken: tuple[bool, ...], kind: int) -> None:
    mov = bpf.BPF_ALU64 | bpf.BPF_MOV
    for value, expected in zip((-1, 3, 2), taken, strict=True):
        code = code_of((mov, 1, 0, value), (mov, 0, 0, 1), (kind | what, 1, 1, 3), (mov, 0, 0, 0), EXIT)
        assert run(code, b"") == expected

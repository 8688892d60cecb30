"""The initial stack, read as a C library's start-up code reads it; limits of arguments."""

from __future__ import annotations

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.abi.linux.auxvec import AT_EXECFN, AT_NULL, AT_PLATFORM, AT_RANDOM
from sandbox.errors import SyscallError
from sandbox.loader import stack
from sandbox.loader.layout import Layout, stack_size

TOP = 0x7FFD_1234_5000
string = st.binary(max_size=40).map(lambda b: b.replace(b"\0", b"x"))
AUX = [(6, 4096), (AT_RANDOM, 0), (26, 2), (AT_EXECFN, 0), (AT_PLATFORM, 0)]


def cstr(built: stack.InitialStack, address: int) -> bytes:
    at = address - built.sp
    return built.data[at : built.data.index(0, at)]


@given(st.lists(string, min_size=1, max_size=9), st.lists(string, max_size=9), string, st.integers(0, 8191))
def test_read_back(argv: list[bytes], envp: list[bytes], path: bytes, gap: int) -> None:
    built = stack.build(TOP, argv, envp, path, AUX, b"0123456789abcdef", gap)
    assert built.sp % 16 == 0
    assert built.sp + len(built.data) == TOP
    words = struct.unpack_from(f"<{len(argv) + len(envp) + 3 + 2 * len(AUX) + 2}Q", built.data)
    assert words[0] == len(argv)
    assert [cstr(built, p) for p in words[1 : 1 + len(argv)]] == argv
    assert words[1 + len(argv)] == 0
    env = words[2 + len(argv) :]
    assert [cstr(built, p) for p in env[: len(envp)]] == envp
    assert env[len(envp)] == 0
    flat = env[len(envp) + 1 :]
    assert built.auxv == struct.pack(f"<{len(flat)}Q", *flat)
    aux = dict(zip(flat[::2], flat[1::2], strict=True))
    assert list(flat[::2]) == [key for key, _ in AUX] + [AT_NULL]
    assert cstr(built, aux[AT_EXECFN]) == path
    assert cstr(built, aux[AT_PLATFORM]) == b"x86_64"
    assert built.data[aux[AT_RANDOM] - built.sp :][:16] == b"0123456789abcdef"
    assert built.data[-8:] == bytes(8)
    strings = built.data[built.arg_start - built.sp : built.arg_end - built.sp]
    assert strings == b"".join(a + b"\0" for a in argv)
    assert built.data[built.env_start - built.sp : built.env_end - built.sp] == b"".join(e + b"\0" for e in envp)


@pytest.mark.parametrize("limit", [8 << 20, 1 << 20, 64 << 20, (1 << 64) - 1, 0])
def test_room_for_strings(limit: int) -> None:
    """A quarter of the stack, at most 6 MiB and at least 128 KiB, pointers included."""
    room = max(min(6 << 20, limit // 4), 128 << 10)
    strings = [b"x" * 1023] * ((room - 2) // (1024 + 8))
    stack.check_strings(strings, [], b"f", limit)
    with pytest.raises(SyscallError) as caught:
        stack.check_strings([*strings, b"y" * 2000], [], b"f", limit)
    assert caught.value.errno == errno.E2BIG
    with pytest.raises(SyscallError):
        stack.check_strings([], [b""] * (room // 8), b"f", limit)


def test_one_string_has_a_limit_of_its_own() -> None:
    stack.check_strings([b"x" * 131071], [], b"f", 8 << 20)
    with pytest.raises(SyscallError):
        stack.check_strings([], [b"x" * 131072], b"f", 8 << 20)


def test_the_stack_is_what_the_limit_says() -> None:
    assert stack_size(8 << 20, 100) == 8 << 20
    assert stack_size(1 << 20, 100) == 1 << 20
    assert stack_size((1 << 64) - 1, 100) == 8 << 20
    assert stack_size(0, 5000) == (2 + 32) * 4096


@given(st.binary(min_size=48, max_size=48), st.sampled_from([0, 8 << 20, 1 << 40, (1 << 64) - 1]))
def test_layout(entropy: bytes, limit: int) -> None:
    """Areas are apart: program, then mappings, then the stack's room, then the end."""
    task_size = 0x7FFE_0000_0000
    layout = Layout(task_size, limit, entropy, b"r" * 16)
    assert 0 < task_size - layout.stack_top <= (1 << 34) + 4096
    assert layout.mmap_base <= layout.stack_top - min(max(limit, 128 << 20), task_size // 6 * 5)
    assert layout.mmap_base > 1 << 40
    assert layout.dyn_base + (1 << 40) < task_size
    assert all(x % 4096 == 0 for x in (layout.stack_top, layout.mmap_base, layout.dyn_base, layout.brk_shift))


def test_layout_without_randomisation() -> None:
    a, b = (Layout(0x7FFE_0000_0000, 8 << 20, b"", b"") for _ in range(2))
    assert (a.stack_top, a.mmap_base, a.dyn_base, a.brk_shift) == (b.stack_top, b.mmap_base, b.dyn_base, 0)

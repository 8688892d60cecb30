"""Hostile headers, segments and scripts: Linux's errno, never anything else."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.errors import SyscallError
from sandbox.loader import elf as elf_module
from sandbox.loader import script, segments
from sandbox.loader.segments import FatalExecError
from tests.unit.sandbox.loader.make_elf import PT_GNU_STACK, PT_INTERP, R, Segment, W, X, elf

TASK_SIZE = 0x7FFE_0000_0000
ONE = [Segment(0x1000, 0x1000)]


def parse(data: bytes, bad: int = errno.ENOEXEC) -> elf_module.ElfFile:
    return elf_module.parse(data[:4096], lambda offset, size: data[offset : offset + size], bad)


@pytest.mark.parametrize(
    ("data", "number"),
    [
        (b"", errno.ENOEXEC),
        (b"\x7fELF", errno.ENOEXEC),
        (elf(ONE)[:63], errno.ENOEXEC),
        (elf(ONE, magic=b"\x7fELG"), errno.ENOEXEC),
        (elf(ONE, machine=3), errno.ENOEXEC),
        (elf(ONE, machine=183), errno.ENOEXEC),
        (elf(ONE, kind=1), errno.ENOEXEC),
        (elf(ONE, kind=4), errno.ENOEXEC),
        (elf(ONE, phentsize=32), errno.ENOEXEC),
        (elf(ONE, phentsize=57), errno.ENOEXEC),
        (elf(ONE, phnum=0), errno.ENOEXEC),
        (elf(ONE, phnum=65535), errno.ENOEXEC),
        (elf(ONE, phnum=1171, size=1 << 17), errno.ENOEXEC),
        (elf(ONE, phoff=0x3FFF), errno.ENOEXEC),
        (elf(ONE, phoff=1 << 63), errno.ENOEXEC),
        (elf(ONE, phoff=(1 << 64) - 56), errno.ENOEXEC),
        (elf(ONE, interp=b""), errno.ENOEXEC),
        (elf(ONE, interp=b"\0"), errno.ENOEXEC),
        (elf(ONE, interp=b"/lib/ld.so"), errno.ENOEXEC),
        (elf(ONE, interp=b"x" * 4096 + b"\0", size=0x6000), errno.ENOEXEC),
        (elf([Segment(0, 100, kind=PT_INTERP, offset=0x3FF0)]), errno.EIO),
        (elf([Segment(0, 100, kind=PT_INTERP, offset=1 << 63)]), errno.ENOEXEC),
    ],
)
def test_headers_that_are_refused(data: bytes, number: int) -> None:
    with pytest.raises(SyscallError) as caught:
        parse(data)
    assert caught.value.errno == number
    assert not isinstance(caught.value, FatalExecError)


def test_a_bad_interpreter_is_elibbad() -> None:
    with pytest.raises(SyscallError) as caught:
        parse(elf(ONE, machine=3), errno.ELIBBAD)
    assert caught.value.errno == errno.ELIBBAD


def test_what_is_read() -> None:
    both = [*ONE, Segment(0, 0, kind=PT_GNU_STACK, flags=R | W | X)]
    parsed = parse(elf(both, interp=b"/lib/ld.so\0junk\0", entry=0x1234))
    assert (parsed.interp, parsed.exec_stack, parsed.entry, parsed.dynamic) == (b"/lib/ld.so", True, 0x1234, True)
    assert len(parsed.loads) == 1
    assert parse(elf(ONE * 1000, size=1 << 17)).phnum == 1000


TOP = (1 << 64) - 1


@pytest.mark.parametrize(
    ("loads", "bias", "number"),
    [
        ([Segment(0x1000, 0x2000, 0x1000)], 0x10000, errno.EINVAL),
        ([Segment(TOP, 1, offset=0xFFF)], 0, errno.EINVAL),
        ([Segment(0x1000, 1, TOP - 0x1000)], 0x10000, errno.EINVAL),
        ([Segment(0x1000, 1, TASK_SIZE)], 0x10000, errno.EINVAL),
        ([Segment(TASK_SIZE - 1, 2, offset=0xFFF)], 0, errno.EINVAL),
        ([Segment(TASK_SIZE, 1, offset=0)], 0, errno.EINVAL),
        ([Segment(0x20000, 0x1000, offset=8)], 0, errno.EINVAL),
        ([Segment(0x20010, 0x1000, offset=0)], 0, errno.EINVAL),
        ([Segment(0x20000, 0x1000, offset=TOP & ~0xFFF)], 0, errno.EINVAL),
        ([Segment(0x1000, 0x1000)], 0, errno.EPERM),
        ([Segment(0, 0, 0x1000)], 0, errno.EPERM),
    ],
)
def test_segments_that_kill_the_caller(loads: list[Segment], bias: int, number: int) -> None:
    parsed = parse(elf(loads))
    with pytest.raises(FatalExecError) as caught:
        segments.plan(parsed, bias, TASK_SIZE)
    assert caught.value.errno == number


def test_data_and_bss() -> None:
    loads = [Segment(0x400000, 0x1234, flags=R | X, offset=0), Segment(0x403E10, 0x300, 0x5000, R | W, 0x2E10)]
    plan = segments.plan(parse(elf(loads, kind=2)), 0, TASK_SIZE)
    assert [(m.start, m.end, m.prot, m.offset) for m in plan.mappings] == [
        (0x400000, 0x402000, 5, 0),
        (0x403000, 0x405000, 3, 0x2000),
        (0x405000, 0x409000, 3, -1),
    ]
    assert plan.zero == [(0x404110, 0x405000 - 0x404110)]
    assert plan.phdr == 0x400040
    assert plan.end == 0x408E10
    assert (plan.start_code, plan.end_code, plan.end_data) == (0x400000, 0x401234, 0x404110)


def test_a_later_segment_covers_what_would_be_zeroed() -> None:
    loads = [Segment(0x400000, 0x10, 0x20, R | W, 0), Segment(0x400000, 0x1000, flags=R, offset=0x1000)]
    assert segments.plan(parse(elf(loads, kind=2)), 0, TASK_SIZE).zero == []


numbers = st.one_of(
    st.integers(0, 1 << 17),
    st.sampled_from([TOP, TOP - 4095, 1 << 63, (1 << 63) - 1, TASK_SIZE, TASK_SIZE - 4096, 1 << 47, 1 << 32]),
    st.integers(0, TOP),
)
hostile = st.builds(
    Segment, numbers, numbers, numbers, st.integers(0, 7), numbers, st.sampled_from([1, 1, 1, 3, 0x6474E551]), numbers
)


@given(st.lists(hostile, max_size=6), st.sampled_from([2, 3]), numbers, numbers)
@settings(max_examples=400)
def test_any_headers_give_a_plan_or_an_errno(loads: list[Segment], kind: int, entry: int, bias: int) -> None:
    """Whatever they say, what is planned lies in guest memory."""
    try:
        parsed = parse(elf(loads, kind=kind, entry=entry))
        segments.alignment(parsed)
        plan = segments.plan(parsed, bias & ~0xFFF if kind == 3 else 0, TASK_SIZE)
    except SyscallError:
        return
    for m in plan.mappings:
        assert 65536 <= m.start < m.end <= TASK_SIZE
        assert m.start % 4096 == m.end % 4096 == 0
        assert m.offset == -1 or m.offset % 4096 == 0 <= m.offset < 1 << 63
    for address, size in plan.zero:
        assert any(m.start <= address and address + size <= m.end for m in plan.mappings)
        assert 0 < size < 4096


@given(st.binary(max_size=200), st.integers(0, 200))
def test_any_bytes(data: bytes, at: int) -> None:
    body = bytearray(elf(ONE))
    body[at % 120 : at % 120 + len(data)] = data
    try:
        parse(bytes(body))
    except SyscallError as error:
        assert error.errno in (errno.ENOEXEC, errno.EIO)


# --- scripts; each expectation was seen on a real kernel ---


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"#!/bin/sh\n", (b"/bin/sh", None)),
        (b"#! \t/bin/sh \t\nrest", (b"/bin/sh", None)),
        (b"#!/bin/sh -e  -x \n", (b"/bin/sh", b"-e  -x")),
        (b"#!/bin/sh", (b"/bin/sh", None)),
        (b"#!/bin/sh -e", (b"/bin/sh", b"-e")),
        (b"#!/bin/sh\t-e\n", (b"/bin/sh", b"-e")),
        (b"#!/bin/sh\0-e\n", (b"/bin/sh", None)),
        (b"#!" + b"/" * 253 + b"\n", (b"/" * 253, None)),
        (b"#!/x " + b"a" * 400, (b"/x", b"a" * 250)),
        (b"#!", (b"", None)),
    ],
)
def test_first_lines(head: bytes, found: tuple[bytes, bytes | None]) -> None:
    assert script.is_script(head)
    assert script.parse(head) == found


@pytest.mark.parametrize(
    "head", [b"#!\n", b"#!   \n", b"#!" + b"/" * 254 + b"\n", b"#!" + b" " * 300, b"#!" + b"a" * 300]
)
def test_first_lines_without_an_interpreter(head: bytes) -> None:
    with pytest.raises(SyscallError) as caught:
        script.parse(head)
    assert caught.value.errno == errno.ENOEXEC

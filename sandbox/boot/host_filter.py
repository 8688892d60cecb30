"""The sentry's own seccomp filter: it may make the calls in host_calls.py, and is killed by any other.

Should a guest ever get the sentry to run code of its choosing, that code cannot start programs or processes, change
namespaces, mounts or the host's kernel, trace other processes, or reach files by handle. Guest processes are not under this
filter: they descend from the first one, which was made before, and have their own.

Calls that are allowed whatever their arguments cost nothing: the host's kernel keeps the decision by number (Linux 5.11).
The others' numbers are compared first, most frequent ones before the rest.
"""

from __future__ import annotations

import ctypes
import struct
from typing import Collection, Final, Mapping, Sequence

from sandbox.abi.linux.syscall_names import SYSCALL_NAMES
from sandbox.boot import libc
from sandbox.boot.host_calls import ALLOWED, ARGUMENTS, Values

AUDIT_ARCH_X86_64: Final = 0xC000003E
PR_SET_SECCOMP: Final = 22
SECCOMP_MODE_FILTER: Final = 2
_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN: Final = 0x06
_ALLOW: Final = 0x7FFF0000
_KILL: Final = 0x80000000  # SECCOMP_RET_KILL_PROCESS
_OFFSET_NR: Final = 0
_OFFSET_ARCH: Final = 4
_OFFSET_ARGS: Final = 16
_INSTRUCTION: Final = struct.Struct("=HBBI")

Instruction = tuple[int, int, int, int]


def program(allowed: Collection[str], arguments: Mapping[str, tuple[int, Values]]) -> bytes:
    """The filter as struct sock_filter[]: calls that are `allowed`, those in `arguments` whose argument of that number has
    one of the values, and death for the rest and for another architecture's calls."""
    out: list[Instruction] = [
        (_LOAD, 0, 0, _OFFSET_ARCH),
        (_EQUAL, 1, 0, AUDIT_ARCH_X86_64),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _OFFSET_NR),
    ]
    for name, (argument, values) in arguments.items():
        check = _check(argument, [value for some in values.values() for value in some])
        out += [(_EQUAL, 0, len(check), SYSCALL_NAMES.index(name)), *check]
    out += _tree(_ranges(sorted(SYSCALL_NAMES.index(name) for name in allowed)))
    return b"".join(_INSTRUCTION.pack(*instruction) for instruction in out)


def _check(argument: int, values: Sequence[int]) -> list[Instruction]:
    """The lower half of an argument (all that the kernel looks at) is one of a few values."""
    out = [(_LOAD, 0, 0, _OFFSET_ARGS + 8 * argument)]
    out += [(_EQUAL, len(values) - n, 0, value) for n, value in enumerate(values)]
    return [*out, (_RETURN, 0, 0, _KILL), (_RETURN, 0, 0, _ALLOW)]


def _ranges(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """(first number, what happens from there on), from 0."""
    found = [(0, _KILL)]
    for number in numbers:
        if found[-1] == (number, _KILL):
            found.pop()
        if not found or found[-1][1] == _KILL:
            found.append((number, _ALLOW))
        found.append((number + 1, _KILL))
    return found


def _tree(ranges: Sequence[tuple[int, int]]) -> list[Instruction]:
    """A binary search."""
    if len(ranges) == 1:
        return [(_RETURN, 0, 0, ranges[0][1])]
    middle = len(ranges) // 2
    below, above = _tree(ranges[:middle]), _tree(ranges[middle:])
    return [(_AT_LEAST, len(below), 0, ranges[middle][0]), *below, *above]


def install(needed: Collection[str] = ()) -> None:
    """For this process, for good; `needed`: calls that it may make beside those of every sentry. Needs no_new_privs."""
    code = program([*(name for names in ALLOWED.values() for name in names.split()), *needed], ARGUMENTS)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(
        struct.pack("=H6xQ", len(code) // _INSTRUCTION.size, ctypes.addressof(buffer)), 16
    )
    libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(header))

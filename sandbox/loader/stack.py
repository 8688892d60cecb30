"""The initial stack: strings, pointers and the auxiliary vector (fs/binfmt_elf.c: create_elf_tables)."""

from __future__ import annotations

import errno
import struct
from typing import Final, Sequence

from sandbox.abi.linux.auxvec import AT_EXECFN, AT_NULL, AT_PLATFORM, AT_RANDOM
from sandbox.errors import SyscallError

MAX_ARG_STRLEN: Final = 131072
ARG_MAX: Final = 131072
_STK_LIM: Final = 8 << 20
PLATFORM: Final = b"x86_64\0"


class InitialStack:
    """`data` lies at `sp` and ends at the top of the stack."""

    __slots__ = ("sp", "data", "arg_start", "arg_end", "env_start", "env_end", "auxv")

    def __init__(self, sp: int, data: bytes, arg_start: int, arg_end: int, env_end: int, auxv: bytes) -> None:
        self.sp = sp
        self.data = data
        self.arg_start = arg_start
        self.arg_end = arg_end
        self.env_start = arg_end
        self.env_end = env_end
        self.auxv = auxv


def string_room(stack_limit: int, argc: int, envc: int) -> int:
    """Bytes that the strings (with their NULs) may take, the file name included (fs/exec.c: bprm_stack_limits). E2BIG."""
    limit = max(min(_STK_LIM // 4 * 3, stack_limit // 4), ARG_MAX)
    pointers = (max(argc, 1) + envc) * 8
    if limit <= pointers:
        raise SyscallError(errno.E2BIG)
    return limit - pointers


def check_strings(argv: Sequence[bytes], envp: Sequence[bytes], execfn: bytes, stack_limit: int) -> None:
    """E2BIG when a string or all of them are too long."""
    room = string_room(stack_limit, len(argv), len(envp)) - len(execfn) - 1
    for strings in (argv, envp):
        for string in strings:
            size = len(string) + 1
            room -= size
            if size > MAX_ARG_STRLEN or room < 0:
                raise SyscallError(errno.E2BIG)


def build(
    top: int,
    argv: Sequence[bytes],
    envp: Sequence[bytes],
    execfn: bytes,
    aux: Sequence[tuple[int, int]],
    random: bytes,
    gap: int,
) -> InitialStack:
    """Lay out the stack below `top`.

    `aux`: the vector up to AT_SECURE, values that are not addresses on the stack; AT_RANDOM, AT_EXECFN and
    AT_PLATFORM are added where Linux has them (`aux` holds them with value 0). `random`: 16 bytes.
    `gap`: random distance below the strings (arch_align_stack), less than 8192.
    """
    strings = b"".join([s + b"\0" for s in argv])
    arg_size = len(strings)
    strings += b"".join([s + b"\0" for s in envp])
    env_size = len(strings) - arg_size
    strings += execfn + b"\0" + bytes(8)
    arg_start = top - len(strings)
    env_start = arg_start + arg_size
    execfn_at = env_start + env_size
    at = arg_start - gap & ~15
    platform_at = at - len(PLATFORM)
    random_at = platform_at - 16
    where = {AT_RANDOM: random_at, AT_EXECFN: execfn_at, AT_PLATFORM: platform_at}
    words = [value for key, number in aux for value in (key, where.get(key, number))]
    words += [AT_NULL, 0]
    auxv = struct.pack(f"<{len(words)}Q", *words)
    pointers = _pointers(argv, arg_start) + _pointers(envp, env_start)
    head = struct.pack(f"<{len(pointers) + 1}Q", len(argv), *pointers)
    sp = random_at - len(auxv) - len(head) & ~15
    low = head + auxv
    padding = random_at - sp - len(low)
    data = low + bytes(padding) + random + PLATFORM + bytes(arg_start - at) + strings
    return InitialStack(sp, data, arg_start, env_start, execfn_at, auxv)


def _pointers(strings: Sequence[bytes], at: int) -> list[int]:
    """Addresses of consecutive strings, and the NULL behind."""
    out = []
    for string in strings:
        out.append(at)
        at += len(string) + 1
    out.append(0)
    return out

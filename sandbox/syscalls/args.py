"""The six arguments of a system call, decoded by C type.

One object per call. It also carries what a call that blocks must remember between attempts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from sandbox.vfs.file_description import FileDescription

Int: TypeAlias = int


class SyscallArgs:
    """`raw`: six unsigned 64-bit register values. `held`: the open file that a blocked call keeps alive
    although its descriptor may be closed or given away meanwhile (fdget)."""

    __slots__ = ("raw", "state", "timed_out", "held", "paths")

    def __init__(self, raw: tuple[Int, Int, Int, Int, Int, Int]) -> None:
        self.raw = raw
        self.state: object = None  # see kernel/control.py: Block
        self.timed_out = False
        self.held: FileDescription | None = None
        self.paths: dict[Int, bytes] | None = None  # those, by address, that were fetched when io_uring took the call

    def hold(self, file: FileDescription) -> None:
        """Keep `file` until the call ends; a second time does nothing."""
        if self.held is None:
            file.acquire()
            self.held = file

    def end(self) -> None:
        """The call is over (done, interrupted or killed): let go of what it held."""
        file = self.held
        if file is not None:
            self.held = None
            file.drop()

    def int(self, n: Int) -> Int:
        """Argument `n` as C `int`: the low 32 bits, signed. File descriptors, flags, pids."""
        value = self.raw[n] & 0xFFFFFFFF
        return value - 0x1_0000_0000 if value & 0x8000_0000 else value

    def uint(self, n: Int) -> Int:
        """As `unsigned int`."""
        return self.raw[n] & 0xFFFFFFFF

    def long(self, n: Int) -> Int:
        """As `long`, `ssize_t`, `off_t`: 64 bits, signed."""
        value = self.raw[n]
        return value - 0x1_0000_0000_0000_0000 if value & 0x8000_0000_0000_0000 else value

    def ulong(self, n: Int) -> Int:
        """As `unsigned long`."""
        return self.raw[n]

    def addr(self, n: Int) -> Int:
        """As a user address."""
        return self.raw[n]

    def size(self, n: Int) -> Int:
        """As `size_t`."""
        return self.raw[n]

"""The little of a task that a terminal asks for, and both ends of one of ours."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from sandbox.abi.linux.fcntl import O_NOCTTY, O_NONBLOCK, O_RDWR
from sandbox.fs.tty.pty_master import PtyMaster
from sandbox.fs.tty.pty_slave import PtySlave
from sandbox.fs.tty.pty_table import PtyTable
from sandbox.syscalls.args import SyscallArgs
from sandbox.vfs.file_description import FileDescription
from tcpip.clock import ManualClock

MEMORY_SIZE = 1 << 16


class FakeGroup:
    def __init__(self) -> None:
        self.session = SimpleNamespace(tty=None, leader=None, sid=1, groups={})
        self.pgrp = None

    @property
    def tty(self) -> object:
        return self.session.tty


class FakeTask:
    """A task without a controlling terminal whose memory is a bytearray from address 0."""

    def __init__(self) -> None:
        self.kernel = SimpleNamespace(clock=ManualClock())
        self.group = FakeGroup()
        self.args = SyscallArgs((0, 0, 0, 0, 0, 0))
        self.memory = bytearray(MEMORY_SIZE)
        self.blocked = 0
        self.creds = SimpleNamespace(has=lambda cap: False, fsuid=0, fsgid=0)

    def copy_in(self, addr: int, size: int) -> bytes:
        return bytes(self.memory[addr : addr + size])

    def copy_out(self, addr: int, data: bytes) -> None:
        self.memory[addr : addr + len(data)] = data


def new_pair() -> tuple[Any, PtyMaster, PtySlave]:
    """(task, master, slave), the slave not blocking."""
    t: Any = FakeTask()
    table = PtyTable(t.kernel.clock)
    master = table.create(O_RDWR, 0, 0)
    master.acquire()
    master.terminal.locked = False
    slave = table.open_slave(t, master.terminal, O_RDWR | O_NOCTTY | O_NONBLOCK)
    slave.acquire()
    return t, master, slave


def read(t: Any, file: FileDescription, size: int) -> bytes | int:
    """One read: bytes, or a negative errno."""
    buffer = memoryview(bytearray(size))
    got = file.read(t, buffer)
    return got if got < 0 else bytes(buffer[:got])

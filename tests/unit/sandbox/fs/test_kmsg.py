"""/dev/kmsg: what is written, and what is overwritten."""

from __future__ import annotations

import errno
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.abi.linux.fcntl import O_RDWR
from sandbox.errors import SyscallError
from sandbox.fs.devfs.kmsg import BURST, INTERVAL_NS, RECORD_MOST, KmsgFile
from sandbox.kernel.log import RING_LINES, KernelLog
from sandbox.vfs.file_description import WOULD_BLOCK
from tcpip.clock import ManualClock
from tcpip.waiter import EVENT_IN


class Fixture:
    def __init__(self) -> None:
        self.clock = ManualClock(10**12)
        self.log = KernelLog()
        kernel: Any = SimpleNamespace(log=self.log, clock=self.clock, uptime_ns=lambda: 5_000_000)
        inode: Any = SimpleNamespace(opens=0, writers=0)
        path: Any = SimpleNamespace()
        path.pin = lambda: path
        self.task: Any = SimpleNamespace(kernel=kernel)
        self.file = KmsgFile(O_RDWR, path, inode, kernel)

    def read(self) -> bytes:
        room = bytearray(8192)
        size = self.file.read(self.task, memoryview(room))
        return b"" if size == WOULD_BLOCK else bytes(room[:size])

    def write(self, data: bytes) -> int:
        return self.file.write(self.task, memoryview(data))


@pytest.mark.interpreted  # a stand-in is no compiled class
def test_what_is_written_is_read_with_its_priority_and_escaped() -> None:
    made = Fixture()
    assert made.read() == b""
    told: list[int] = []
    made.file.queue.add(EVENT_IN, told.append)
    for line in (b"plain\n", b"<6>info", b"<30>daemon", b"a\tb\\\xc3", b"<x>none", b"<6"):
        assert made.write(line) == len(line)
    assert len(told) == 6
    assert [made.read() for _ in range(6)] == [
        b"12,0,5000,-;plain\n",
        b"14,1,5000,-;info\n",
        b"30,2,5000,-;daemon\n",
        b"12,3,5000,-;a\\x09b\\x5c\\xc3\n",
        b"12,4,5000,-;<x>none\n",
        b"12,5,5000,-;<6\n",
    ]


@pytest.mark.interpreted  # a stand-in is no compiled class
def test_a_writer_is_bounded() -> None:
    made = Fixture()
    with pytest.raises(SyscallError) as error:
        made.write(bytes(RECORD_MOST + 1))
    assert error.value.errno == errno.EINVAL
    for _ in range(BURST + 50):
        made.write(b"x" * RECORD_MOST)
    assert made.log.total == BURST
    made.clock.advance(INTERVAL_NS + 1)
    made.write(b"again")
    assert made.log.total == BURST + 1


@pytest.mark.interpreted  # a stand-in is no compiled class
def test_a_reader_hears_that_records_were_overwritten() -> None:
    made = Fixture()
    for number in range(RING_LINES + 5):
        made.log.boot(number, f"line {number}")
    with pytest.raises(SyscallError) as error:
        made.read()
    assert error.value.errno == errno.EPIPE
    assert made.read() == b"6,5,0,-;line 5\n"

"""The line discipline gives byte for byte what the host's pseudo-terminal gives."""

from __future__ import annotations

import fcntl
import os
import random
import select
import struct
import termios
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.abi.linux import termios as abi
from sandbox.abi.linux.ioctls import FIONREAD, TCGETS, TCSETS
from sandbox.vfs.file_description import WOULD_BLOCK
from tests.unit.sandbox.tty.fakes import new_pair, read

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class

IFLAGS = (abi.ISTRIP, abi.INLCR, abi.IGNCR, abi.ICRNL, abi.IUCLC, abi.IXON, abi.IXANY, abi.IUTF8, abi.PARMRK)
OFLAGS = (abi.OPOST, abi.OLCUC, abi.ONLCR, abi.OCRNL, abi.ONOCR, abi.ONLRET, abi.XTABS)
LFLAGS = (
    abi.ISIG, abi.ICANON, abi.ECHO, abi.ECHOE, abi.ECHOK, abi.ECHONL, abi.NOFLSH, abi.ECHOCTL, abi.ECHOPRT, abi.ECHOKE,
    abi.IEXTEN, abi.EXTPROC,
)  # fmt: skip
ALPHABET = b"ab Z_9-\t\t\t\r\n\n\x7f\x7f\x7f\x15\x17\x17\x12\x16\x04\x03\x1c\x1a\x11\x13\x00\x01\x08\x1b\xff\xc3\xa9\xe2\x82\xac"
# VMIN is 255, so that poll(2) on the host finds too little input and waits for the line discipline.
CC = bytes((3, 28, 127, 21, 4, 0, 255, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0))


class HostPair:
    """A pty of the host. Draining the slave until EAGAIN waits for the host's line discipline."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        os.set_blocking(self.master, False)
        os.set_blocking(self.slave, False)

    def close(self) -> None:
        os.close(self.master)
        os.close(self.slave)

    def set(self, modes: bytes) -> None:
        fcntl.ioctl(self.slave, TCSETS, modes)

    def modes(self) -> bytes:
        return fcntl.ioctl(self.slave, TCGETS, bytes(36))

    def queued(self) -> int:
        count: int = struct.unpack("i", fcntl.ioctl(self.slave, FIONREAD, bytes(4)))[0]
        return count

    def settle(self) -> None:
        """Until the line discipline has worked off what the master wrote: poll(2) waits for it when it finds no
        input; with a line complete already, until what is queued has stopped to change."""
        poller = select.poll()
        poller.register(self.slave, select.POLLIN)
        same, before = 0, -1
        while poller.poll(0) and same < 200:
            now = self.queued()
            same = same + 1 if now == before else 0
            before = now

    def read(self, fd: int, size: int) -> bytes | int:
        try:
            return os.read(fd, size)
        except BlockingIOError:
            return WOULD_BLOCK


class OurPair:
    """The same of ours."""

    def __init__(self) -> None:
        self.t, self.master, self.slave = new_pair()

    def set(self, modes: bytes) -> None:
        self.t.copy_out(0, modes)
        assert self.slave.ioctl(self.t, TCSETS, 0, self.t.args) == 0

    def modes(self) -> bytes:
        self.slave.ioctl(self.t, TCGETS, 0, self.t.args)
        modes: bytes = self.t.copy_in(0, 36)
        return modes

    def queued(self) -> int:
        self.slave.ioctl(self.t, FIONREAD, 0, self.t.args)
        count: int = struct.unpack("i", self.t.copy_in(0, 4))[0]
        return count

    def read(self, file: Any, size: int) -> bytes | int:
        return read(self.t, file, size)


@pytest.fixture
def host() -> Iterator[HostPair]:
    pair = HostPair()
    yield pair
    pair.close()


def drain_master(pair: Any) -> bytes:
    """All that the master can read now."""
    out = b""
    while True:
        got = pair.read(pair.master, 4096)
        if isinstance(got, int) or not got:
            return out
        out += got


def drain_slave(pair: Any, size: int) -> list[bytes]:
    """Reads until there is nothing; an end-of-file is an empty one (at most a few: VMIN = 0 never ends)."""
    reads: list[bytes] = []
    while len(reads) < 400:
        got = pair.read(pair.slave, size)
        if isinstance(got, int):
            break
        reads.append(got)
        if reads[-4:] == [b""] * 4:
            break
    return reads


def type_both(host: HostPair, ours: OurPair, data: bytes) -> None:
    assert os.write(host.master, data) == len(data)
    assert ours.master.write(ours.t, memoryview(data)) == len(data)


def pack(iflag: int, oflag: int, lflag: int, cc: bytes = CC) -> bytes:
    return abi.TERMIOS.pack(iflag, oflag, abi.B38400 | abi.CS8 | abi.CREAD, lflag, 0, cc)


def compare(host: HostPair, ours: OurPair, data: bytes, size: int, what: str) -> None:
    """Type `data`, then compare what the slave reads and what the master sees."""
    type_both(host, ours, data)
    host.settle()
    theirs_in, ours_in = drain_slave(host, size), drain_slave(ours, size)
    assert ours_in == theirs_in, what
    assert drain_master(ours) == drain_master(host), what


def test_initial_modes(host: HostPair) -> None:
    assert OurPair().modes() == host.modes()


@pytest.mark.parametrize("seed", range(150))
def test_random_modes_and_input(seed: int) -> None:
    for attempt in (1, 2, 3):  # the host may be caught between a line and what follows it
        host = HostPair()
        try:
            random_session(host, OurPair(), random.Random(seed), f"seed {seed}")
            return
        except AssertionError:
            if attempt == 3:
                raise
        finally:
            host.close()


def random_session(host: HostPair, ours: OurPair, rng: random.Random, name: str) -> None:
    """Six settings of the modes, three chunks typed in each."""

    def some(flags: tuple[int, ...], chance: float) -> int:
        value = 0
        for flag in flags:
            if rng.random() < chance:
                value |= flag
        return value

    for step in range(6):
        iflag = some(IFLAGS, 0.35)
        oflag = some(OFLAGS, 0.3) | (abi.OPOST if rng.random() < 0.7 else 0)
        lflag = some(LFLAGS[:-1], 0.6) | (abi.EXTPROC if rng.random() < 0.05 else 0)
        modes = pack(iflag, oflag, lflag)
        host.set(modes)
        ours.set(modes)
        assert ours.modes() == host.modes()
        for chunk in range(3):
            data = bytes(rng.choice(ALPHABET) for _ in range(rng.randrange(1, 30)))
            what = f"{name} step {step}.{chunk}: {iflag:o} {oflag:o} {lflag:o} {data!r}"
            compare(host, ours, data, rng.choice((1, 3, 7, 64, 4096)), what)


@pytest.mark.parametrize("seed", range(60))
def test_output_processing(host: HostPair, seed: int) -> None:
    rng = random.Random(1000 + seed)
    ours = OurPair()
    for _ in range(6):
        oflag = 0
        for flag in OFLAGS:
            if rng.random() < 0.5:
                oflag |= flag
        modes = pack(abi.IUTF8 if seed & 1 else 0, oflag, 0)
        host.set(modes)
        ours.set(modes)
        data = bytes(rng.choice(ALPHABET) for _ in range(rng.randrange(1, 60)))
        assert os.write(host.slave, data) == len(data)
        assert ours.slave.write(ours.t, memoryview(data)) == len(data)
        assert drain_master(ours) == drain_master(host), f"{oflag:o} {data!r}"


def test_line_longer_than_the_buffer(host: HostPair) -> None:
    ours = OurPair()
    type_both(host, ours, b"x" * 3000)
    assert (drain_slave(ours, 4096), drain_slave(host, 4096)) == ([], [])
    assert drain_master(ours) == drain_master(host)
    type_both(host, ours, b"y" * 2000)
    assert (drain_slave(ours, 4096), drain_slave(host, 4096)) == ([], [])
    assert drain_master(ours) == drain_master(host)
    compare(host, ours, b"zz\nnext\n", 5000, "overflow")


def test_end_of_file_after_a_filled_read_is_skipped(host: HostPair) -> None:
    ours = OurPair()
    type_both(host, ours, b"abc\x04def\n\x04")
    for size in (3, 2, 10, 10, 10):
        assert ours.read(ours.slave, size) == host.read(host.slave, size)


@pytest.mark.parametrize(("data", "canonical"), [(b"abc\nde\x04f", True), (b"abc\nde\x04f", False), (b"", True)])
def test_queue_size(host: HostPair, data: bytes, canonical: bool) -> None:
    ours = OurPair()
    modes = pack(abi.ICRNL, abi.OPOST, abi.ICANON if canonical else 0)
    host.set(modes)
    ours.set(modes)
    if data:
        type_both(host, ours, data)
        assert ours.read(ours.slave, 1) == host.read(host.slave, 1)
    assert ours.queued() == host.queued()


@pytest.mark.parametrize("status", [b"\x13", b"\x13\x11", b"\x03", b"ok\n"])
def test_packet_mode(host: HostPair, status: bytes) -> None:
    ours = OurPair()
    fcntl.ioctl(host.master, termios.TIOCPKT, struct.pack("i", 1))
    ours.t.copy_out(0, struct.pack("i", 1))
    ours.master.ioctl(ours.t, termios.TIOCPKT, 0, ours.t.args)
    type_both(host, ours, status)
    drain_slave(host, 100)
    drain_slave(ours, 100)
    assert ours.read(ours.master, 100) == host.read(host.master, 100)
    assert ours.read(ours.master, 100) == host.read(host.master, 100)

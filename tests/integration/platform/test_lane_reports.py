"""A guest that runs the stub's part itself, and lies about what it executed."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import struct
from pathlib import Path

import pytest

from sandbox.platform import host_proc, hostcalls
from sandbox.platform.base import GuestThread, Order, PlatformError
from sandbox.platform.lane import layout, reports
from sandbox.platform.lane.space import LaneSpace
from tests.integration.platform.machine import DATA, Args, Machine, call
from tests.integration.platform.own_stub import PRIVATE, SEQ, ask, order, poke, report, say

_SIGKILL = 9
_MMAP, _MREMAP, _MUNMAP, _GETPID = 9, 25, 11, 39
_PLACE = 0x4000_0000
_NO_SUCH_IOCTL = 0xC068_6699
_NEVER = " ud2\n"
_GO_ON = say(PRIVATE, SEQ + 1, {layout.LANE_KIND: layout.KIND_SYSCALL, layout.LANE_NR: _GETPID})
# It parks at the gate with a munmap that it has not asked for, and then asks for the same and parks elsewhere.
_CALL = DATA + 8192
_PARKED_BEFORE = (
    poke(_CALL, _MUNMAP)
    + poke(_CALL + 8, DATA)
    + poke(_CALL + 16, 4096)
    + order(_CALL - layout.LANE_ORDERS * 8)
    + ask(PRIVATE, _MUNMAP)
    + _GO_ON
)
_SECOND = PRIVATE + layout.ORDER_WORDS * 8  # to be given to `order`


class Kernel:
    """Maps a page of a file, moves a page of DATA, unmaps one; `believed` has what it was told."""

    def __init__(self) -> None:
        self.believed: list[int] = []
        self.fd = os.memfd_create("file")
        os.ftruncate(self.fd, 4096)

    def __call__(self, m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        def told(index: int, result: int) -> None:
            self.believed.append(result)
            t.reply(result)

        if nr == _MMAP:
            t.execute([Order(_MMAP, (_PLACE, 4096, 3, 0x11, 0, 0), host_fd=self.fd)], told)
        elif nr == _MREMAP:
            t.execute([Order(_MREMAP, (DATA, 4096, 4096, 3, _PLACE))], told)
        elif nr == _MUNMAP:
            t.execute_and_return([Order(_MUNMAP, (DATA, 4096))], 0, lambda: self.believed.append(0), told)
        else:
            self.believed.append(nr)
            t.space.kill()


@pytest.mark.parametrize("host", ["procfs of our own", "procfs of others", "before 6.11"])
@pytest.mark.parametrize(
    "lie",
    [
        ask(PRIVATE, _MUNMAP) + _GO_ON,
        ask(PRIVATE, _MUNMAP) + report(PRIVATE, 0),
        _PARKED_BEFORE,
        ask(PRIVATE, _MMAP) + report(PRIVATE, _PLACE),
        ask(PRIVATE, _MMAP) + order(PRIVATE) + report(PRIVATE, _PLACE),
        ask(PRIVATE, _MMAP) + report(PRIVATE, -12),
        ask(PRIVATE, _MMAP) + order(PRIVATE) + order(_SECOND) + report(PRIVATE, -12),
        ask(PRIVATE, _MREMAP) + order(PRIVATE) + report(PRIVATE, -12),
    ],
    ids=[
        "munmap skipped",
        "munmap not done",
        "munmap parked before",
        "mmap not done",
        "close not done",
        "mmap not tried",
        "mmap done",
        "mremap done",
    ],
)
def test_a_lie_about_an_order_is_not_believed(lie: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if host == "procfs of others":
        monkeypatch.setattr(hostcalls, "open_own_proc", lambda writable=False: -1)
    elif host == "before 6.11":
        monkeypatch.setattr(reports, "_PROCMAP_QUERY", _NO_SUCH_IOCTL)
    kernel = Kernel()
    try:
        m = Machine(lie + _NEVER, kernel).run()
    finally:
        os.close(kernel.fd)
    assert m.gone == [_SIGKILL] and not m.faults and not kernel.believed


def has_procmap_query() -> bool:
    with open("/proc/self/maps", "rb") as maps:
        try:
            fcntl.ioctl(maps, 0xC068_6611, bytearray(struct.pack("Q", 104).ljust(104, b"\0")))
        except OSError as error:
            return error.errno == errno.ENOENT
    return True


@pytest.mark.parametrize("query", [True, False], ids=["6.11", "before 6.11"])
def test_a_failure_that_is_one_is_reported(query: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be mapped there: the host says so, and the guest is told. However many areas a guest has, this takes
    no longer, since it can fail as often as it likes."""
    if query and not has_procmap_query():
        pytest.skip("this host cannot be asked for a single area")
    if query:
        monkeypatch.setattr(LaneSpace, "host_maps", lambda space: pytest.fail("every area was looked at"))
    else:
        monkeypatch.setattr(reports, "_PROCMAP_QUERY", _NO_SUCH_IOCTL)

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        def told(index: int, result: int) -> None:
            results.append(result)
            t.space.kill()

        t.execute([Order(_MMAP, (1 << 60, 4096, 3, 0x11, 0, 0), host_fd=fd)], told)

    results: list[int] = []
    fd = os.memfd_create("file")
    try:
        Machine(call(_MMAP), kernel).run()
    finally:
        os.close(fd)
    assert results == [-12]


def test_a_sandbox_whose_first_process_is_gone_does_not_go_on() -> None:
    """Nothing can be executed any more; a host that is out of memory may have killed it."""

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        os.kill(m.platform.first.tid, signal.SIGKILL)

    with pytest.raises(PlatformError, match="the first guest process has ended"):
        Machine(call(_GETPID), kernel).run()


@pytest.mark.interpreted
def test_there_is_no_sandbox_without_a_procfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that a guest says could be checked."""
    monkeypatch.setattr(hostcalls, "open_own_proc", lambda writable=False: -1)
    monkeypatch.setattr(host_proc, "OTHERS", str(tmp_path))
    pidfd = os.pidfd_open(os.getpid())
    try:
        with pytest.raises(PlatformError, match="mount a procfs"):
            host_proc.HostProc(os.getpid(), pidfd)
    finally:
        os.close(pidfd)

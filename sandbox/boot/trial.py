"""A start without a sandbox: the namespaces and the first, empty guest process, made and ended again.

What a host allows is known only when it is tried: containers, security modules and settings all may refuse it.
"""

from __future__ import annotations

import os
import select
import signal
import time
from typing import TYPE_CHECKING, Final

from sandbox.boot import libc
from sandbox.boot.host_checks import HostLacks, notifies, read_text, why_no_process
from sandbox.boot.namespaces import isolate
from sandbox.platform.base import PlatformError, TrapHandler

if TYPE_CHECKING:
    from sandbox.platform.base import AddressSpace, GuestThread

BOUND_S: Final = 30.0
_GETPID: Final = 39  # a call that may be patched
_NAMESPACES: Final = b"n"  # they were made
_STARTED: Final = b"s"
_SYNCHRONOUS: Final = b"y"
_PATCHES: Final = b"p"
_FAILED: Final = b"!"  # the rest says why


class Trial:
    """`failure` empty: a guest process can be made. `namespaces`: at least they could.
    `synchronous`, `patches`: the listener wakes on the waker's CPU; the sentry may write to code."""

    __slots__ = ("namespaces", "failure", "synchronous", "patches")

    def __init__(self, namespaces: bool, failure: str, synchronous: bool = False, patches: bool = False) -> None:
        self.namespaces = namespaces
        self.failure = failure
        self.synchronous = synchronous
        self.patches = patches


def try_start() -> Trial:
    """In processes of its own, which are gone afterwards."""
    ours, theirs = os.pipe2(os.O_CLOEXEC)
    try:
        pid = os.fork()
    except OSError as error:
        os.close(ours)
        os.close(theirs)
        return Trial(False, why_no_process(os.strerror(error.errno or 0)))
    if pid == 0:
        try:
            _outer(theirs)
        finally:
            os._exit(0)
    os.close(theirs)
    said, in_time = _read(ours)
    os.close(ours)
    if not in_time:
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return understand(said, in_time)


def understand(said: bytes, in_time: bool) -> Trial:
    """What the processes of a trial have written."""
    head, failed, reason = said.partition(_FAILED)
    failure = reason.decode("utf-8", "replace")
    if not failed and _STARTED not in head:
        failure = "the first guest process died while it was set up" if in_time else "it does not come up in time"
    return Trial(_NAMESPACES in head, failure, _SYNCHRONOUS in head, _PATCHES in head)


def _read(fd: int) -> tuple[bytes, bool]:
    """To its end, unless that takes too long."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    deadline, said = time.monotonic() + BOUND_S, b""
    while poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        data = os.read(fd, 4096)
        if not data:
            return said, True
        said += data
    return said, False


def _outer(out: int) -> None:
    """As the launcher: make the namespaces, fork into them, wait."""
    try:
        isolate(os.geteuid(), os.getegid(), True)
        os.write(out, _NAMESPACES)
        pid = os.fork()
    except (HostLacks, OSError) as error:
        os.write(out, _FAILED + str(error).encode("utf-8", "replace"))
        return
    if pid == 0:
        try:
            libc.prctl(libc.PR_SET_PDEATHSIG, int(signal.SIGKILL))
            _start_platform(out)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def _start_platform(out: int) -> None:
    """As the sentry."""
    from sandbox.known_platforms import AUTO, choose
    from sandbox.platform.choose import make
    from sandbox.reactor import Reactor
    from tcpip.clock import MonotonicClock

    try:
        platform = make(choose(AUTO, notifies(read_text)), Reactor(MonotonicClock()), True)
        platform.patch_calls([_GETPID])
        platform.start(_Nobody())
    except (PlatformError, OSError) as error:
        os.write(out, _FAILED + str(error).encode("utf-8", "replace"))
        return
    ways = platform.faster_ways()
    synchronous = _SYNCHRONOUS if "synchronous" in ways else b""
    patches = _PATCHES if "patches" in ways else b""
    platform.close()
    os.write(out, synchronous + patches + _STARTED)


class _Nobody(TrapHandler):
    """No guest code ever runs: nothing of this is called."""

    def syscall(self, thread: GuestThread, nr: int, args: tuple[int, int, int, int, int, int]) -> None:
        raise AssertionError("a guest without a program made a call")

    def fault(self, thread: GuestThread, signo: int, code: int, address: int) -> None:
        raise AssertionError("a guest without a program met a fault")

    def interrupted(self, thread: GuestThread) -> None:
        raise AssertionError("a guest without a program was interrupted")

    def mishap(self, space: AddressSpace | None, error: Exception) -> None:
        raise error

    def space_gone(self, space: AddressSpace, wait_status: int) -> None:
        """At the end."""

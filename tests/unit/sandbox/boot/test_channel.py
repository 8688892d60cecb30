"""The channel between launcher and sentry."""

from __future__ import annotations

import os
from typing import Iterator

import pytest

from sandbox.boot import channel, libc
from sandbox.boot.exit_status import exit_status
from sandbox.boot.link import LauncherLink
from sandbox.reactor import Reactor
from tcpip.clock import MonotonicClock


@pytest.fixture
def pair() -> Iterator[tuple[int, int]]:
    ours, theirs = libc.socketpair()
    os.set_blocking(ours, False)
    os.set_blocking(theirs, False)
    yield ours, theirs
    for fd in (ours, theirs):
        try:
            os.close(fd)
        except OSError:
            pass


def test_messages_keep_their_bounds(pair: tuple[int, int]) -> None:
    ours, theirs = pair
    assert channel.send(ours, channel.SIGNAL, b"\x0f")
    assert channel.send(ours, channel.TIMEOUT)
    assert channel.receive(theirs) == (channel.SIGNAL, b"\x0f")
    assert channel.receive(theirs) == (channel.TIMEOUT, b"")
    with pytest.raises(BlockingIOError):
        channel.receive(theirs)


def test_the_end(pair: tuple[int, int]) -> None:
    ours, theirs = pair
    os.close(ours)
    assert channel.receive(theirs) is None
    assert not channel.send(theirs, channel.NOTICE, b"x")


def test_a_full_channel_drops(pair: tuple[int, int]) -> None:
    ours, _ = pair
    assert any(not channel.send(ours, channel.NOTICE, bytes(10_000)) for _ in range(10_000))


@pytest.mark.parametrize("status", [0, 1 << 8, 255 << 8, 9, 11 | 0x80])
def test_status_survives(status: int) -> None:
    assert channel.unpack_status(channel.pack_status(status)) == status


@pytest.mark.parametrize(("wait_status", "status"), [(0, 0), (3 << 8, 3), (9, 137), (15, 143), (11 | 0x80, 139)])
def test_exit_status_as_a_shell_shows_it(wait_status: int, status: int) -> None:
    assert exit_status(wait_status) == status


def test_link_hands_on_what_comes_down(pair: tuple[int, int]) -> None:
    ours, theirs = pair
    reactor = Reactor(MonotonicClock())
    link = LauncherLink(theirs, reactor)
    seen: list[object] = []

    def gone() -> None:
        seen.append("gone")
        reactor.stop()

    link.watch(seen.append, lambda: seen.append("timeout"), gone)
    link.window_changed = seen.append
    channel.send(ours, channel.SIGNAL, b"\x02")
    channel.send(ours, channel.SIGNAL)  # malformed: no number
    channel.send(ours, channel.WINDOW, b"12345678")
    channel.send(ours, channel.WINDOW, b"1234")  # malformed: short
    channel.send(ours, b"?", b"unknown")
    channel.send(ours, channel.TIMEOUT)
    os.close(ours)
    reactor.run()
    assert seen == [2, b"12345678", "timeout", "gone"]
    reactor.close()


def test_link_sends_up(pair: tuple[int, int]) -> None:
    ours, theirs = pair
    reactor = Reactor(MonotonicClock())
    link = LauncherLink(theirs, reactor)
    link.started()
    link.failed(127, "no such file: \udcff")
    link.exited(9)
    link.notice("a")
    link.summary("b\nc")
    assert [channel.receive(ours) for _ in range(5)] == [
        (channel.STARTED, b""),
        (channel.FAILED, b"\x7fno such file: \\udcff"),
        (channel.EXITED, channel.pack_status(9)),
        (channel.NOTICE, b"a"),
        (channel.SUMMARY, b"b\nc"),
    ]
    reactor.close()

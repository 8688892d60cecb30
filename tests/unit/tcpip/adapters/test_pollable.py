"""Descriptors of sockets of a stack, asked by the system's poll, select and epoll."""

import asyncio
import os
import select
import selectors
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tcpip.adapters.pollable import Pollable
from tcpip.adapters.sockets import StackSocket, ThreadedStack
from tcpip.clock import MonotonicClock
from tcpip.stack.stack import Stack
from tcpip.waiter import EVENT_ERR, EVENT_HUP, EVENT_IN, EVENT_OUT


@pytest.fixture
def host() -> Iterator[ThreadedStack]:
    with ThreadedStack(Stack(MonotonicClock(), Random(1))) as host:
        yield host


def pair(host: ThreadedStack) -> tuple[StackSocket, StackSocket]:
    with host.create_server(("127.0.0.1", 0)) as listener:
        one = host.create_connection(listener.getsockname(), timeout=20)
        two, _ = listener.accept()
    return one, two


def ready(*things: StackSocket, within: float = 0) -> list[list[StackSocket]]:
    return [list(found) for found in select.select(things, things, [], within)[:2]]


@pytest.mark.parametrize(
    "state", [0, EVENT_IN, EVENT_OUT, EVENT_IN | EVENT_OUT, EVENT_ERR, EVENT_HUP, EVENT_OUT | EVENT_HUP]
)
def test_what_is_shown(state: int) -> None:
    for before in (0, EVENT_IN, EVENT_OUT, EVENT_IN | EVENT_OUT):
        shown = Pollable()
        shown.show(before)
        shown.show(state)
        poll = select.poll()
        poll.register(shown.fileno(), select.POLLIN | select.POLLOUT)
        found = dict(poll.poll(0)).get(shown.fileno(), 0)
        assert bool(found & select.POLLIN) == bool(state & (EVENT_IN | EVENT_ERR | EVENT_HUP))
        assert bool(found & select.POLLOUT) == bool(state & (EVENT_OUT | EVENT_ERR))
        shown.close()
        assert shown.fileno() == -1


def test_text_and_room(host: ThreadedStack) -> None:
    one, two = pair(host)
    assert ready(one, two) == [[], [one, two]]
    one.send(b"text")
    assert select.select([two], [], [], 20)[0] == [two]
    assert two.recv(4) == b"text" and ready(two) == [[], [two]]
    one.setblocking(False)
    sent = 0
    with pytest.raises(BlockingIOError):
        while True:
            sent += one.send(bytes(1 << 16))
    assert ready(one) == [[], []]
    while sent:
        sent -= len(two.recv(1 << 20))
    assert select.select([], [one], [], 20)[1] == [one]
    one.close()
    assert select.select([two], [], [], 20)[0] == [two] and two.recv(1) == b""
    two.close()
    assert two.fileno() == -1


def test_two_objects_for_one_connection(host: ThreadedStack) -> None:
    one, two = pair(host)
    again = two.dup()
    assert again.fileno() != two.fileno()
    one.send(b"xy")
    assert select.select([two], [], [], 20)[0] == [two] and ready(again)[0] == [again]
    assert again.recv(2) == b"xy"
    assert ready(two, again)[0] == []
    two.close()
    one.send(b"z")
    assert select.select([again], [], [], 20)[0] == [again]
    again.close()
    one.close()


def test_attempts_and_listeners(host: ThreadedStack) -> None:
    with (
        host.create_server(("127.0.0.1", 0)) as listener,
        host.socket() as sock,
        selectors.DefaultSelector() as selector,
    ):
        sock.setblocking(False)
        selector.register(listener, selectors.EVENT_READ)
        assert not selector.select(0)
        sock.fileno()
        assert sock.connect_ex(listener.getsockname()) in (0, 115)
        assert select.select([], [sock], [], 20)[1] == [sock] and sock.getsockopt(1, 4) == 0
        assert [key.fileobj for key, _ in selector.select(20)] == [listener]
        with listener.accept()[0]:
            assert not selector.select(0)
    with host.socket() as sock:
        sock.setblocking(False)
        sock.connect_ex(("127.0.0.1", 1))
        assert select.select([], [sock], [], 20)[1] == [sock] and ready(sock)[0] == [sock]
        assert sock.getsockopt(1, 4) == 111


def test_what_it_inherits(host: ThreadedStack) -> None:
    with host.socket() as sock:
        assert sock.get_inheritable() is False
        sock.set_inheritable(True)
        assert os.get_inheritable(sock.fileno()) and sock.get_inheritable()
        with pytest.raises(OSError, match="cannot be had"):
            sock.detach()


def test_files_and_parts(host: ThreadedStack, tmp_path: Path) -> None:
    one, two = pair(host)
    (tmp_path / "file").write_bytes(bytes(range(256)) * 2000)
    with (tmp_path / "file").open("rb") as file:
        assert one.sendfile(file, 1, 300_000) == 300_000 and file.tell() == 300_001
        one.setblocking(False)
        with pytest.raises(ValueError, match="non-blocking"):
            one.sendfile(file)
    got = b""
    while len(got) < 300_000:
        got += two.recv(1 << 20)
    assert got == (bytes(range(256)) * 2000)[1:300_001]
    one.send(b"abcdef")
    select.select([two], [], [], 20)
    parts = [bytearray(2), bytearray(10)]
    length, control, _, _ = two.recvmsg_into(parts)
    assert (length, control) == (6, []) and parts[0] == b"ab" and parts[1][:4] == b"cdef"
    assert two.timeout is None
    one.close()
    two.close()


def test_the_standard_loop_waits_for_one(host: ThreadedStack) -> None:
    async def main() -> bytes:
        one, two = pair(host)
        for sock in (one, two):
            sock.setblocking(False)
        loop = asyncio.get_running_loop()
        got, _ = await asyncio.gather(loop.sock_recv(two, 5), loop.sock_sendall(one, b"hello"))  # type: ignore[arg-type]
        one.close()
        two.close()
        return bytes(got)

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        assert runner.run(main()) == b"hello"


def test_a_socket_that_outlives_its_thread() -> None:
    with ThreadedStack(Stack(MonotonicClock(), Random(1))) as host:
        sock = host.socket()
    sock.close()

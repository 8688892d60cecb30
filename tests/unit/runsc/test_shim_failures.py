"""What a shim makes of its own failures: the call is refused, containerd's log has it, and the other containers go on."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Iterator

import pytest

from runsc.shim import ttrpc
from runsc.shim.commands import ERRORS_MOST, errors_in, size_of
from runsc.shim.log import Log
from runsc.shim.loop import READ, Loop
from runsc.shim.options import Options
from runsc.shim.protobuf import Fields, message
from runsc.shim.publish import Publisher
from runsc.shim.service import Service
from runsc.shim.stdio import Streams
from runsc.shim.task import STOPPED, Process, Task
from runsc.shim.ttrpc import Connection, Decoder, Request, frame


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.forget()


def test_a_call_that_fails_in_an_unforeseen_way_is_refused_and_told(loop: Loop) -> None:
    bugs: list[Exception] = []
    loop.on_bug = bugs.append
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    ours.settimeout(5)

    def serve(request: Request) -> None:
        if request.method == "Twice":
            request.answer(b"once")
        raise KeyError("what nobody thought of")

    connection = Connection(loop, theirs, serve)
    decoder = Decoder()
    for stream, method in ((1, "Bad"), (3, "Twice")):
        ours.sendall(frame(stream, ttrpc.REQUEST, message((1, "service"), (2, method))))
        connection._ready(READ)
    decoder.feed(ours.recv(4096))
    first, second = decoder.next(), decoder.next()
    assert first is not None and second is not None and decoder.next() is None
    status = Fields(first[2]).inner(1)
    assert (status.number(1), status.text(2)) == (ttrpc.UNKNOWN, "Bad: KeyError: 'what nobody thought of'")
    assert Fields(second[2]).data(2) == b"once"
    assert len(bugs) == 2 and not connection.closed
    connection.close()
    ours.close()


def test_one_descriptor_or_child_that_fails_leaves_the_others(loop: Loop) -> None:
    bugs: list[Exception] = []
    loop.on_bug = bugs.append
    (bad, bad_in), (good, good_in) = os.pipe(), os.pipe()
    done: list[str] = []

    def fail(mask: int) -> None:
        raise ValueError("bad")

    def succeed(mask: int) -> None:
        done.append("read")
        loop.unwatch(good)
        pid = os.fork()
        if pid == 0:
            os._exit(3)
        loop.call_after(0, fail_later)
        loop.call_after(0, lambda: done.append("timer"))

    def fail_later() -> None:
        raise ValueError("later")

    def child(pid: int, status: int) -> None:
        loop.running = False
        raise ValueError("child")

    loop.watch(bad, READ, fail)
    loop.watch(good, READ, succeed)
    loop.on_child = child
    os.write(bad_in, b"x")
    os.write(good_in, b"x")
    loop.run()
    assert done == ["read", "timer"]
    assert [str(bug) for bug in bugs] == ["bad", "later", "child"]
    for fd in (bad, bad_in, good, good_in):
        os.close(fd)


def test_lines_reach_who_reads_the_bundles_log(tmp_path: Path) -> None:
    path = tmp_path / "log"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    log = Log(str(path))
    log.error('a "word"\nof two lines', "box")
    try:
        raise KeyError("deep")
    except KeyError as error:
        log.bug(error)
    lines = os.read(reader, 1 << 16).decode().splitlines()
    assert lines[0].endswith(r'level=error msg="a \"word\"\u000aof two lines" id="box" runtime=runsc')
    assert "Traceback" in lines[1] and "KeyError: 'deep'" in lines[-1]
    for _ in range(20_000):  # nobody reads
        log.error("x" * 100)
    os.close(reader)


def test_a_log_that_is_no_fifo_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("")
    for name in ("log", "none"):
        Log(str(tmp_path / name)).error("x")
    assert (tmp_path / "log").read_text() == "" and not (tmp_path / "none").exists()


def test_errors_of_a_log(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    assert (size_of(str(path)), errors_in(str(path), 0)) == (0, [])
    path.write_text('{"level":"error","msg":"old"}\n')
    begin = size_of(str(path))
    with path.open("a") as file:
        file.write('{"level":"info","msg":"no"}\nnot JSON\n[1]\n{"level":"error","msg":"new"}\n')
    assert errors_in(str(path), begin) == ["new"] and errors_in(str(path), 0) == ["old", "new"]
    path.write_text("".join(f'{{"level":"error","msg":"{number}"}}\n' for number in range(200)))
    assert errors_in(str(path), 0) == [str(number) for number in range(200 - ERRORS_MOST, 200)]


def test_a_number_that_was_anothers_is_not_taken_for_a_process_that_has_ended(loop: Loop, tmp_path: Path) -> None:
    service = Service(loop, Publisher(loop, "", "default"), Log(str(tmp_path / "log")), str(tmp_path), lambda: None)
    old, new = (Process(Streams(loop, "", "", "", False)) for _ in range(2))
    service.tasks = {"old": Task("old", str(tmp_path), old), "new": Task("new", str(tmp_path), new)}
    service._options = {name: Options() for name in service.tasks}
    old.pid = 1000
    service._child_ended(1000, 3 << 8)
    assert (old.status, old.exit_status) == (STOPPED, 3)
    service._child_ended(1001, 0)  # some helper
    service._launches = 1  # while a process is started,
    service._child_ended(1002, 7 << 8)  # it may have ended before its number is known
    new.pid = 1001
    service._check_early(new)
    assert new.status != STOPPED
    new.pid = 1002
    service._check_early(new)
    assert (new.status, new.exit_status) == (STOPPED, 7)
    service._child_ended(1003, 0)
    service._launched()
    new.status, new.pid = 0, 1003
    service._check_early(new)
    assert new.status != STOPPED
    new.pid = 1000  # also the number of one that has ended
    service._child_ended(1000, 9 << 8)
    assert (old.exit_status, new.exit_status) == (3, 9)

"""What a command and a fork server say to each other, and when one may stand for the other."""

from __future__ import annotations

import _socket
import os
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runsc.fork_server import likeness, protocol
from runsc.fork_server.protocol import BadRequest, Request

Pair = tuple[_socket.socket, _socket.socket]
TEXTS = st.lists(st.binary(max_size=200).map(lambda text: text.replace(b"\0", b"0")), max_size=20)


def pair() -> Pair:
    ours, theirs = _socket.socketpair()
    protocol.be_patient(ours)
    protocol.be_patient(theirs)
    return ours, theirs


@pytest.fixture
def ends() -> Iterator[Pair]:
    ours, theirs = pair()
    yield ours, theirs
    ours.close()
    theirs.close()


@given(TEXTS, TEXTS)
def test_a_request_arrives_as_it_was_sent(words: list[bytes], environment: list[bytes]) -> None:
    ours, theirs = pair()
    fds = [os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC) for _ in range(protocol.DESCRIPTORS)]
    protocol.send_request(ours, Request(b"program", words, environment, fds))
    got = protocol.receive_request(theirs)
    assert (got.program, got.words, got.environment) == (b"program", words, environment)
    assert all(os.path.samestat(os.fstat(a), os.fstat(b)) for a, b in zip(got.descriptors, fds, strict=True))
    assert not any(os.get_inheritable(fd) for fd in got.descriptors)
    for fd in (*fds, *got.descriptors):
        os.close(fd)
    ours.close()
    theirs.close()


@given(st.binary(max_size=300), st.integers(0, protocol.DESCRIPTORS + 1))
def test_junk_is_no_request(data: bytes, count: int) -> None:
    ours, theirs = pair()
    fds = [os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC) for _ in range(count)]
    rights = b"".join(fd.to_bytes(4, "little") for fd in fds)
    if data:
        ours.sendmsg([data], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)] if fds else [])
    ours.shutdown(_socket.SHUT_WR)
    with pytest.raises(BadRequest):
        protocol.receive_request(theirs)
    for fd in fds:
        os.close(fd)
    ours.close()
    theirs.close()


def test_one_that_is_cut_off(ends: Pair) -> None:
    ours, theirs = ends
    fds = [os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC) for _ in range(protocol.DESCRIPTORS)]
    middle, beyond = pair()
    protocol.send_request(middle, Request(b"program", [b"do", b"true"], [b"A=1"], fds))
    whole = beyond.recv(1000)
    middle.close()
    beyond.close()
    rights = b"".join(fd.to_bytes(4, "little") for fd in fds)
    ours.sendmsg([whole[:-1]], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)])
    ours.shutdown(_socket.SHUT_WR)
    with pytest.raises(BadRequest, match="cut off"):
        protocol.receive_request(theirs)
    for fd in fds:
        os.close(fd)


def test_more_than_a_command_line_can_be(ends: Pair) -> None:
    with pytest.raises(ValueError, match="too long"):
        protocol.send_request(ends[0], Request(b"program", [b"x" * protocol.LIMIT], [], [0, 1, 2, 0]))


def test_a_process_is_like_itself_and_its_children() -> None:
    assert likeness.difference(os.getpid()) == ""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert likeness.difference(child.pid) == ""
    child.communicate()


def test_one_that_has_ended() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    assert likeness.difference(child.pid)


def test_umask_and_ignored_signals() -> None:
    umask, ignored = likeness.habits_of(os.getpid())
    before = os.umask(0o22)
    os.umask(before)
    assert umask == before
    assert ignored >> 12 & 1  # SIGPIPE, by every Python


def test_a_file_that_changes_is_noticed(tmp_path: Path) -> None:
    assert __file__ not in likeness.files_of_this_program()
    files = likeness.files_of_this_program()
    assert str(Path(likeness.__file__)) in files
    assert likeness.changed_file(files) == ""
    path = tmp_path / "module.py"
    path.write_text("a")
    status = path.stat()
    files[str(path)] = status.st_ino, status.st_size, status.st_mtime_ns
    assert likeness.changed_file(files) == ""
    path.write_text("ab")
    assert likeness.changed_file(files) == str(path)
    path.unlink()
    assert likeness.changed_file(files) == str(path)

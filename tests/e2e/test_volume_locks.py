"""Locks on a file of a volume hold between sandboxes, and between a sandbox and the host's programs."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest

from tests.e2e.conftest import ROOT, command

HOLDER = """
import fcntl, sys
path, how = sys.argv[1:]
file = open(path, "r+b")
lock = (lambda kind: fcntl.flock(file, kind)) if how == "flock" else (lambda kind: fcntl.lockf(file, kind, 10, 5))
for line in sys.stdin:
    kind = getattr(fcntl, line.split()[0])
    print("asks", flush=True)
    try:
        lock(kind if line.split()[-1] == "waits" or kind == fcntl.LOCK_UN else kind | fcntl.LOCK_NB)
        print("got", flush=True)
    except BlockingIOError:
        print("busy", flush=True)
"""
BOUND = 30.0


class Holder:
    """A process that locks a file as it is told."""

    def __init__(self, directory: Path, how: str, inside: bool) -> None:
        if inside:
            words = command("do", "--volume", f"{directory}:/v", "python3", "-c", HOLDER, "/v/f", how)
        else:
            words = [sys.executable, "-c", HOLDER, str(directory / "f"), how]
        environment = {"PYTHONPATH": str(ROOT), **os.environ}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(words, stdin=pipe, stdout=pipe, bufsize=0, cwd=ROOT, env=environment)
        self.heard = b""

    def tell(self, order: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(order.encode() + b"\n")
        assert self.says() == "asks"

    def says(self, bound: float = BOUND) -> str:
        """What comes within that time, or nothing."""
        assert self.process.stdout is not None
        while b"\n" not in self.heard:
            if not select.select([self.process.stdout], [], [], bound)[0]:
                return ""
            more = os.read(self.process.stdout.fileno(), 100)
            assert more, "it has ended"
            self.heard += more
        line, _, self.heard = self.heard.partition(b"\n")
        return line.decode()

    def ask(self, order: str) -> str:
        self.tell(order)
        return self.says()

    def end(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(BOUND)
        self.process.stdout.close()


@pytest.fixture(params=["flock", "records"])
def how(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(
    params=[(True, False), (False, True), (True, True)], ids=["inside-host", "host-inside", "inside-inside"]
)
def two(request: pytest.FixtureRequest, tmp_path: Path, how: str) -> Iterator[tuple[Holder, Holder]]:
    (tmp_path / "f").write_bytes(bytes(100))
    first, second = (Holder(tmp_path, how, inside) for inside in request.param)
    yield first, second
    for one in (first, second):
        one.process.kill()
        one.process.wait(BOUND)
        for stream in (one.process.stdin, one.process.stdout):
            if stream is not None:
                stream.close()


def test_locks_hold_on_both_sides(two: tuple[Holder, Holder]) -> None:
    first, second = two
    assert first.ask("LOCK_EX") == "got"
    assert second.ask("LOCK_EX") == second.ask("LOCK_SH") == "busy"
    assert first.ask("LOCK_SH") == "got"
    assert (second.ask("LOCK_SH"), second.ask("LOCK_EX")) == ("got", "busy")
    assert first.ask("LOCK_UN") == "got"
    assert second.ask("LOCK_EX") == "got"
    assert first.ask("LOCK_SH") == "busy"
    assert second.ask("LOCK_UN") == "got"

    assert first.ask("LOCK_EX") == "got"
    second.tell("LOCK_EX waits")
    assert second.says(0.2) == ""
    assert first.ask("LOCK_UN") == "got"
    assert second.says() == "got"
    assert (first.ask("LOCK_EX"), second.ask("LOCK_UN")) == ("busy", "got")

    assert first.ask("LOCK_EX") == "got"
    second.tell("LOCK_EX waits")
    first.end()
    assert second.says() == "got"

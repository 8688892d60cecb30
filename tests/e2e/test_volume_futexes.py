"""Threads that wait at words of a file of a volume (futex(2), sem_overview(7), pthread_mutexattr_setrobust(3)) are woken by those
of another sandbox and by the host's programs."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest

from tests.e2e.conftest import ROOT, command

PROGRAM = """
import ctypes, mmap, os, sys
libc = ctypes.CDLL(None, use_errno=True)
file = open(sys.argv[1], "r+b")
page = mmap.mmap(file.fileno(), 4096)
at = [ctypes.byref(ctypes.c_char.from_buffer(page, 64 * n)) for n in range(3)]
what, mine, others = sys.argv[2], at[int(sys.argv[3])], at[1 - int(sys.argv[3])]
if what == "init":
    kind = (ctypes.c_char * 16)()
    libc.pthread_mutexattr_init(kind)
    libc.pthread_mutexattr_setpshared(kind, 1)
    libc.pthread_mutexattr_setrobust(kind, 1)
    libc.pthread_mutex_init(at[2], kind)
    libc.sem_init(at[0], 1, 0)
    libc.sem_init(at[1], 1, 0)
elif what == "turns":
    for turn in range(100):
        if libc.sem_post(others) or libc.sem_wait(mine):
            sys.exit("semaphore")
    print("turns")
else:
    print("asks", flush=True)
    print("got", libc.pthread_mutex_lock(at[2]), flush=True)
    sys.stdin.readline()
    os.kill(os.getpid(), 9) if what == "dies" else libc.pthread_mutex_unlock(at[2])
"""
BOUND = 30.0
PAIRS = [(True, False), (False, True), (True, True)]


class Pair:
    """Two processes that have a file in common."""

    def __init__(self, directory: Path, inside: tuple[bool, bool]) -> None:
        self.directory = directory
        self.inside = inside
        self.begun: list[subprocess.Popen[bytes]] = []
        (directory / "f").write_bytes(bytes(4096))
        subprocess.run([sys.executable, "-c", PROGRAM, str(directory / "f"), "init", "0"], check=True)

    def begin(self, number: int, what: str) -> subprocess.Popen[bytes]:
        if self.inside[number]:
            shell = 'python3 -c "$0" "$@" 2>&1; true'  # the sandbox outlives it
            words = command("do", "--volume", f"{self.directory}:/v", "sh", "-c", shell, PROGRAM, "/v/f")
        else:
            words = [sys.executable, "-c", PROGRAM, str(self.directory / "f")]
        environment = {"PYTHONPATH": str(ROOT), **os.environ}
        pipe = subprocess.PIPE
        words += [what, str(number)]
        self.begun.append(subprocess.Popen(words, stdin=pipe, stdout=pipe, bufsize=0, cwd=ROOT, env=environment))
        return self.begun[-1]


@pytest.fixture(params=PAIRS, ids=["inside-host", "host-inside", "inside-inside"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    both = Pair(tmp_path, request.param)
    yield both
    for process in both.begun:
        process.kill()
        process.communicate(timeout=BOUND)


def says(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], BOUND)[0], "nothing"
    return process.stdout.readline().decode()


def test_each_wakes_the_other(pair: Pair) -> None:
    first, second = pair.begin(0, "turns"), pair.begin(1, "turns")
    assert [process.communicate(timeout=BOUND)[0] for process in (first, second)] == [b"turns\n", b"turns\n"]


def test_who_dies_leaves_the_lock_to_the_other(pair: Pair) -> None:
    first = pair.begin(0, "dies")
    assert (says(first), says(first)) == ("asks\n", "got 0\n")
    second = pair.begin(1, "waits")
    assert says(second) == "asks\n"
    assert first.stdin is not None
    first.stdin.write(b"\n")
    assert says(second) == "got 130\n"  # EOWNERDEAD

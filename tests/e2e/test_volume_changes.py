"""Who watches files of a volume inside hears of what the host's programs do there, as a watcher on the host does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable, Iterator

import pytest

from tests.e2e.conftest import BOUND_S, ROOT, command
from tests.e2e.containers import eventually

WATCHER = r"""
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
queue, names = libc.inotify_init1(0), {}
os.chdir(sys.argv[1])
for path in sys.argv[2:]:
    names[libc.inotify_add_watch(queue, path.encode(), 0xfc6 | 8)] = path
print("ready", flush=True)
while True:
    data, at = os.read(queue, 65536), 0
    while at < len(data):
        watch, mask, cookie, size = struct.unpack_from("iIII", data, at)
        name = data[at + 16 : at + 16 + size].rstrip(b"\0").decode()
        at += 16 + size
        print(names.get(watch), hex(mask), name or "-", "moved" if cookie else "", flush=True)
"""
Step = Callable[[Path], object]

STEPS: dict[str, Step] = {
    "made": lambda d: (d / "new").write_bytes(b""),
    "written": lambda d: (d / "new").write_bytes(b"one"),
    "mode": lambda d: (d / "new").chmod(0o600),
    "renamed": lambda d: (d / "new").rename(d / "other"),
    "into": lambda d: (d / "other").rename(d / "sub/other"),
    "linked": lambda d: os.link(d / "sub/other", d / "link"),
    "out of": lambda d: (d / "sub/other").rename(d / "other"),
    "over": lambda d: (d / "other").rename(d / "over"),
    "removed": lambda d: (d / "link").unlink(),
    "directory": lambda d: (d / "made").mkdir(),
    "no directory": lambda d: (d / "made").rmdir(),
    "watched file": lambda d: (d / "file").write_bytes(b"more"),
    "its mode": lambda d: (d / "file").chmod(0o640),
    "its name": lambda d: (d / "file").rename(d / "named"),
    "its end": lambda d: (d / "named").unlink(),
    "directory's name": lambda d: (d / "sub").rename(d / "sub2"),
    "in it": lambda d: (d / "sub2/x").symlink_to("y"),
}


class Watcher:
    """A process that prints what it hears to a file."""

    def __init__(self, words: list[str], out: Path) -> None:
        self.out = out
        environment = {"PYTHONPATH": str(ROOT), **os.environ}
        with open(out, "wb") as to:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=to, cwd=ROOT, env=environment)

    def lines(self) -> list[str]:
        return self.out.read_text().splitlines()

    def heard(self, name: str) -> None:
        eventually(lambda: any(f" {name} " in line for line in self.lines()), f"nothing of {name}")

    def end(self) -> None:
        self.process.kill()
        self.process.wait(BOUND_S)


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    directory = tmp_path / "volume"
    directory.mkdir()
    (directory / "sub").mkdir()
    (directory / "file").write_bytes(b"")
    (directory / "over").write_bytes(b"")
    return directory


@pytest.fixture
def watchers(volume: Path, tmp_path: Path) -> Iterator[tuple[Watcher, Watcher]]:
    paths = [".", "file", "sub"]
    inside = command("do", "--volume", f"{volume}:/v", "python3", "-c", WATCHER, "/v", *paths)
    both = (
        Watcher([sys.executable, "-c", WATCHER, str(volume), *paths], tmp_path / "native"),
        Watcher(inside, tmp_path / "inside"),
    )
    for one in both:
        eventually(lambda one=one: one.lines()[:1] == ["ready"], "it does not begin")
    yield both
    for one in both:
        one.end()


def by_step(lines: list[str]) -> list[list[str]]:
    """What was heard of each step. Two writes are one event, or two, as the reader is slow or fast."""
    steps: list[list[str]] = [[]]
    for line in lines:
        if line not in steps[-1]:
            steps[-1].append(line)
        if " step" in line:
            steps.append([])
    return steps


def test_each_change_is_told_as_on_the_host(volume: Path, watchers: tuple[Watcher, Watcher]) -> None:
    for number, step in enumerate(STEPS.values()):
        step(volume)
        (volume / f"step{number}").mkdir()
        for one in watchers:
            one.heard(f"step{number}")
    native, inside = (by_step(one.lines()) for one in watchers)
    assert dict(zip(STEPS, inside, strict=False)) == dict(zip(STEPS, native, strict=False))
    assert len(native) == len(STEPS) + 1


GUEST = """
cd "$1"; python3 -c "$0" . . file >sub/out & until grep -q ready sub/out; do :; done
mkdir d; chmod 700 d; mv file f2; ln f2 l; rm l; mv f2 sub/f3; ln -s x s; rmdir d; mkdir last
until grep -q last sub/out; do :; done; cat sub/out; kill $!
"""


def test_what_a_guest_does_is_told_once(volume: Path, tmp_path: Path) -> None:
    shutil.copytree(volume, tmp_path / "native")
    inside = command("do", "--volume", f"{volume}:/v", "sh", "-c", GUEST, WATCHER, "/v")
    heard = []
    for words in (["sh", "-c", GUEST, WATCHER, str(tmp_path / "native")], inside):
        done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=BOUND_S)
        assert done.stdout.endswith("last \n"), done
        heard.append(done.stdout.splitlines())
    assert heard[1] == heard[0]

"""How the host is told that memory has run out, on a tree of files in place of a control group of version 2, which this machine
may not have for memory; version 1 is tried with Docker (tests/e2e/docker/test_docker.py)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterator

import pytest

from sandbox.boot import host_oom
from sandbox.boot.host_oom import BATCH, INNER, SLACK, HostOom, ask

pytestmark = pytest.mark.interpreted  # the host's kernel is replaced
MiB = 1 << 20


class Kernel:
    """What a group of the host's does, as far as its files are looked at."""

    def __init__(self, group: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.group, self.slack, self.bounds, self.asked = group, 0, [], 0
        kernel = self

        class Memory:
            def __init__(self, fd: int, size: int, flags: int) -> None:
                kernel.charge(size)

            def close(self) -> None:
                kernel.asked -= 1

        monkeypatch.setattr(host_oom.mmap, "mmap", Memory)
        self.text("cgroup.controllers", "memory")
        self.text("memory.max", "max")
        self.text("memory.current", 100 * MiB)
        self.stat(0)
        self.events(0, 0)

    def text(self, name: str, value: object) -> None:
        with open(self.group / name, "w") as file:  # the same file: it is open already
            file.write(f"{value}\n")

    def number(self, name: str) -> int:
        return int((self.group / name).read_text().splitlines()[0])

    def stat(self, files: int) -> None:
        self.files = files
        self.text("memory.stat", f"anon 5\ninactive_file {files}\nactive_file 0")

    def events(self, hits: int, kills: int) -> None:
        self.hits, self.kills = hits, kills
        self.text("memory.events", f"low 0\nhigh 0\nmax {hits}\noom {kills}\noom_kill {kills}\noom_group_kill 0")

    def charge(self, size: int) -> None:
        self.asked += 1
        bound, used = self.number("memory.max"), self.number("memory.current") + size
        self.bounds.append(bound)
        if used <= bound + self.slack:
            self.text("memory.current", used)
        elif self.files >= size:
            self.events(self.hits + 1, self.kills)  # a hit of the bound is no kill
            self.stat(self.files - size)
        else:
            self.events(self.hits + 1, self.kills + 1)


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    group = tmp_path / INNER
    group.mkdir()
    return Kernel(group, monkeypatch)


@pytest.fixture
def oom(kernel: Kernel) -> Iterator[HostOom]:
    fds = host_oom.descriptors((str(kernel.group), str(kernel.group.parent)))
    yield HostOom(fds)
    for fd in fds:
        os.close(fd)


def test_one_kill_is_counted_and_the_bound_is_as_it_was(kernel: Kernel, oom: HostOom) -> None:
    kernel.text("memory.max", 400 * MiB)
    kernel.slack = 5 * BATCH  # what the processors have of batches
    ask(oom)
    assert kernel.kills == 1 and set(kernel.bounds) == {100 * MiB + SLACK}
    assert (kernel.number("memory.max"), kernel.asked) == (400 * MiB, 0)


def test_files_are_given_back_before(kernel: Kernel, oom: HostOom) -> None:
    """In place of what is asked for, by who asks: a hit of the bound is no kill. The sentry writes no bound that it would wait for."""
    kernel.stat(300 * MiB)
    ask(oom)
    assert kernel.kills == 1 and kernel.hits > 300 * MiB // BATCH and set(kernel.bounds) == {100 * MiB + SLACK}
    assert (kernel.group / "memory.max").read_text().startswith("max")


def test_the_bound_is_never_raised(kernel: Kernel, oom: HostOom) -> None:
    kernel.text("memory.max", 101 * MiB)
    ask(oom)
    assert kernel.kills == 1 and set(kernel.bounds) == {101 * MiB}


def test_it_ends_when_the_host_does_not_kill(kernel: Kernel, oom: HostOom) -> None:
    kernel.slack = 1 << 40
    ask(oom)
    assert kernel.kills == 0 and len(kernel.bounds) * BATCH <= 3 * SLACK and kernel.asked == 0
    assert (kernel.group / "memory.max").read_text().startswith("max")


def test_a_bound_that_was_set_in_the_meantime_stays(kernel: Kernel, oom: HostOom) -> None:
    kernel.text("memory.max", 400 * MiB)
    assert oom.put_down() and kernel.number("memory.max") == 100 * MiB + SLACK
    kernel.text("memory.max", 500 * MiB)
    oom.lift()
    assert kernel.number("memory.max") == 500 * MiB


def test_what_the_host_counts(kernel: Kernel, oom: HostOom) -> None:
    kernel.stat(30 * MiB)
    assert oom.pages() * 4096 == 70 * MiB

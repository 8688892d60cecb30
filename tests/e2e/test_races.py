"""Commands on one container at the same time."""

from __future__ import annotations

import os
import random
import subprocess
import time
from pathlib import Path
from typing import Iterator

import pytest

from tests.e2e.bundles import change, needs_busybox
from tests.e2e.conftest import BOUND_S, ROOT, command
from tests.e2e.containers import Shim

pytestmark = needs_busybox


@pytest.fixture
def shim(bundle: Path) -> Iterator[Shim]:
    shim = Shim(bundle)
    change(bundle, process__args=["/bin/sh", "-c", "echo ready; sleep 1000"])
    yield shim
    shim.close()


def spawn(shim: Shim, *words: str) -> subprocess.Popen[bytes]:
    argv = command("--root", str(shim.root), *words)
    null = subprocess.DEVNULL
    return subprocess.Popen(argv, stdin=null, stdout=null, stderr=null, cwd=ROOT)


def test_two_starts(shim: Shim) -> None:
    shim.create("c")
    both = [spawn(shim, "start", "c") for _ in range(2)]
    assert sorted(process.wait(BOUND_S) for process in both) == [0, 1]
    assert shim.status("c") == "running"


def test_two_creates(shim: Shim) -> None:
    both = [spawn(shim, "create", "--bundle", str(shim.bundle), "c") for _ in range(2)]
    assert sorted(process.wait(BOUND_S) for process in both) == [0, 1]
    assert shim.status("c") == "created"


def test_exec_and_kill(shim: Shim) -> None:
    rng = random.Random(1)
    for n in range(3):
        name = f"c{n}"
        pid = shim.start(name)
        running = [spawn(shim, "exec", name, "sleep", "1000") for _ in range(3)]
        time.sleep(rng.random() * 0.2)  # the moment is what is drawn
        assert shim.call("kill", name, "KILL").status == 0
        assert shim.reap(pid) == 137
        assert all(process.wait(BOUND_S) in (137, 255) for process in running)
        assert shim.call("delete", name).status == 0


def test_delete_and_create(shim: Shim) -> None:
    rng = random.Random(2)
    for _ in range(4):
        creator = spawn(shim, "create", "--bundle", str(shim.bundle), "c")
        time.sleep(rng.random() * 0.3)  # the moment is what is drawn
        assert shim.call("delete", "--force", "c").status == 0
        if creator.wait(BOUND_S) == 0:  # it came to its end before, or began afterwards
            assert shim.call("delete", "--force", "c").status == 0
        assert not os.path.exists(shim.root / "c")


def test_everything_at_once(shim: Shim) -> None:
    """Whatever each answers, none hangs and nothing is left."""
    shim.start("c")
    verbs = [
        ["state", "c"],
        ["ps", "c"],
        ["pause", "c"],
        ["resume", "c"],
        ["exec", "c", "true"],
        ["list"],
        ["kill", "c", "USR1"],
    ]
    rng = random.Random(3)
    running = [(words, spawn(shim, *words)) for words in (rng.choice(verbs) for _ in range(20))]
    for words, process in running:
        if words[0] != "exec":
            process.wait(BOUND_S)
    shim.call("resume", "c")  # a process of a paused container does not end
    for _, process in running:
        process.wait(BOUND_S)
    assert shim.call("delete", "--force", "c").status == 0

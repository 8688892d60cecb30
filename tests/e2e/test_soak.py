"""The life of containers over and over: a thousand of them, two hundred at once, and two thousand kills at any moment.
Nothing is left in the runtime's directory and among the host's processes, mounts and control groups."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterator

import pytest

from tests.e2e.bundles import change, needs_busybox
from tests.e2e.conftest import processes_of
from tests.e2e.containers import Shim, eventually, pid_namespace
from tests.e2e.test_nothing_left import kill_at_random, needs_cgroups, nothing_of

pytestmark = [needs_busybox, pytest.mark.soak]
CYCLES = 1000
TOGETHER = 200
KILLS = 2000
GROUP = "stackbox-test-soak"


@pytest.fixture
def shim(bundle: Path) -> Iterator[Shim]:
    shim = Shim(bundle)
    change(bundle, process__args=["/bin/sh", "-c", "echo ready; sleep 1000"])
    yield shim
    shim.close()


def of_the_host(shim: Shim) -> dict[str, int]:
    """What a container might leave behind, counted; others use the host, too."""
    groups = subprocess.run(
        ["find", "/sys/fs/cgroup", "-maxdepth", "3", "-type", "d", "-name", f"{GROUP}*"], capture_output=True, text=True
    )
    return {
        "mounts": Path("/proc/self/mountinfo").read_text().count(str(shim.bundle)),
        "groups": len(groups.stdout.split()),
        "descriptors": len(os.listdir("/proc/self/fd")),
    }


@needs_cgroups
def test_a_thousand_lives(shim: Shim) -> None:
    change(shim.bundle, linux__resources={"pids": {"limit": 50}}, linux__cgroupsPath=f"/{GROUP}")
    before = of_the_host(shim)
    for n in range(CYCLES):
        name = f"c{n}"
        pid = shim.start(name)
        namespace = pid_namespace(pid)
        assert shim.call("kill", name, "KILL").status == 0
        assert shim.reap(pid) == 137
        assert shim.call("delete", name).status == 0
        shim.sentries.remove(pid)
        eventually(lambda space=namespace: not processes_of(space), "processes are left")  # type: ignore[misc]
        assert os.listdir(shim.root) == [] and of_the_host(shim) == before, n


def test_two_hundred_at_once(shim: Shim) -> None:
    """Started by four hands; each answers, runs one more process and ends by itself."""
    before = of_the_host(shim)
    names = [f"c{n}" for n in range(TOGETHER)]
    with ThreadPoolExecutor(4) as hands:
        pids = dict(zip(names, hands.map(shim.start, names), strict=True))
        assert set(hands.map(shim.status, names)) == {"running"}
        done = hands.map(lambda name: shim.call("exec", name, "sh", "-c", f"echo {name}; exit 3"), names)
        assert [(one.status, one.out) for one in done] == [(3, f"{name}\n") for name in names]
        assert len(json.loads(shim.call("list", "--format", "json").out)) == TOGETHER
        spaces = [pid_namespace(pid) for pid in pids.values()]
        assert {one.status for one in hands.map(lambda name: shim.call("kill", name, "KILL"), names)} == {0}
        assert {shim.reap(pid) for pid in pids.values()} == {137}
        assert {one.status for one in hands.map(lambda name: shim.call("delete", name), names)} == {0}
    shim.sentries.clear()
    for namespace in spaces:
        eventually(lambda space=namespace: not processes_of(space), "processes are left")  # type: ignore[misc]
    assert os.listdir(shim.root) == [] and of_the_host(shim) == before


@needs_cgroups
def test_two_thousand_kills(shim: Shim) -> None:
    """Of a command or of a process that it has made, in the middle of any verb; a neighbour lives through it all."""
    change(shim.bundle, linux__resources={"pids": {"limit": 50}}, linux__cgroupsPath=f"/{GROUP}-neighbour")
    neighbour = shim.start("neighbour")
    before = of_the_host(shim)
    rng = random.Random(1)
    for n in range(KILLS):
        name, verb = f"c{n}", rng.choice(["create", "create", "run", "start", "exec", "pause", "kill", "delete"])
        change(shim.bundle, linux__cgroupsPath=f"/{GROUP}-{name}")
        words = {
            "create": ["create", "--bundle", str(shim.bundle), name],
            "run": ["run", "--bundle", str(shim.bundle), name],
            "exec": ["exec", name, "sleep", "1000"],
            "kill": ["kill", name, "KILL"],
            "delete": ["delete", "--force", name],
        }.get(verb, [verb, name])
        pid = 0
        if verb not in ("create", "run"):
            pid = shim.create(name) if verb == "start" else shim.start(name)
        kill_at_random(shim, rng, name, *words)
        state = shim.root / name / "state.json"
        namespace = pid_namespace(int(json.loads(state.read_text())["pid"]) if state.exists() else pid)
        nothing_of(shim, name)
        if pid:
            assert shim.reap(pid) in (-9, 137), (n, verb)
            shim.sentries.remove(pid)
        eventually(lambda space=namespace: not space or not processes_of(space), "processes are left")  # type: ignore[misc]
        assert os.listdir(shim.root) == ["neighbour"] and of_the_host(shim) == before, (n, verb)
        reap_orphans(neighbour)
    assert shim.call("exec", "neighbour", "true").status == 0
    os.kill(neighbour, signal.SIGKILL)
    shim.reap(neighbour)


def reap_orphans(but: int) -> None:
    """Processes that have become ours since who made them was killed."""
    for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        if int(child) != but:
            os.waitpid(int(child), os.WNOHANG)

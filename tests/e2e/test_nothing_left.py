"""Each process of the runtime killed at any moment: `delete --force` leaves nothing, and others are untouched."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Iterator

import pytest

from runsc.container import groups
from tests.e2e.bundles import change, needs_busybox
from tests.e2e.conftest import BOUND_S, ROOT, command, processes_of
from tests.e2e.containers import Shim, eventually, pid_namespace

pytestmark = needs_busybox
LONGEST_S = 0.4  # about what a start takes
CGROUPS = groups.hierarchies(Path("/proc/self/mountinfo").read_text())
needs_cgroups = pytest.mark.skipif(
    os.geteuid() != 0 or not any({"memory", "pids"} & set(one.controllers) for one in CGROUPS),
    reason="makes control groups",
)


@pytest.fixture
def shim(bundle: Path) -> Iterator[Shim]:
    shim = Shim(bundle)
    change(bundle, process__args=["/bin/sh", "-c", "echo ready; sleep 1000"])
    yield shim
    shim.close()


def children_of(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def groups_left(name: str) -> list[str]:
    return [path for one in CGROUPS for path in [f"{one.point}/stackbox-test-{name}"] if os.path.exists(path)]


def nothing_of(shim: Shim, name: str) -> None:
    assert shim.call("delete", "--force", name).status == 0
    assert not (shim.root / name).exists()
    assert not groups_left(name)


def kill_at_random(shim: Shim, rng: random.Random, name: str, *words: str) -> None:
    """Run a command and kill it, or one of the processes that it has made, after a random time."""
    argv = command("--root", str(shim.root), *words)
    with open(shim.out(name), "wb") as out:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=ROOT)
    time.sleep(rng.random() * LONGEST_S)  # the moment is what is drawn
    victim = rng.choice([process.pid, *children_of(process.pid)])
    try:
        os.kill(victim, signal.SIGKILL)
    except ProcessLookupError:
        pass
    if victim != process.pid and rng.random() < 0.5:
        process.kill()
    try:
        process.wait(BOUND_S)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


UNBOUND = {  # files of control groups, and what stands in them without a bound
    **{"memory.limit_in_bytes": "9223372036854771712", "cpu.cfs_quota_us": "-1"},
    **{"pids.max": "max", "memory.max": "max", "cpu.max": "max"},
}


@needs_cgroups
def test_control_groups_are_made_and_removed(shim: Shim) -> None:
    change(shim.bundle, linux__cgroupsPath="/stackbox-test-c")
    change(shim.bundle, linux__resources={"memory": {"limit": 64 << 20}, "pids": {"limit": 9}, "cpu": {"shares": 99}})
    pid = shim.start("c")
    shim.says("c", "ready")
    places = groups_left("c")
    assert places
    members = {int(pid) for place in places for pid in Path(place, "cgroup.procs").read_text().split()}
    assert pid in members and len(members) >= 2  # guests too
    event = json.loads(shim.call("events", "--stats", "c").out)
    assert event["data"]["memory"]["usage"]["limit"] == 64 << 20 and event["data"]["pids"]["limit"] == 9
    shares = [Path(place, "cpu.shares").read_text() for place in places if Path(place, "cpu.shares").exists()]
    assert shares in ([], ["99\n"])
    result = shim.call("update", "--pids-limit", "5", "--cpu-share", "77", "c")
    assert result.status == 0, result
    assert shim.call("update", "--memory", "-1", "--pids-limit", "-1", "--cpu-quota", "-1", "c").status == 0
    texts = {
        name: Path(place, name).read_text().strip()
        for place in places
        for name in UNBOUND
        if Path(place, name).exists()
    }
    assert texts and all(UNBOUND[name] in (text, text.split()[0]) for name, text in texts.items()), texts
    assert shim.call("kill", "c", "KILL").status == 0
    shim.reap(pid)
    assert groups_left("c") == places
    assert shim.call("delete", "c").status == 0
    assert not groups_left("c")


@needs_cgroups
def test_a_control_group_with_others_in_it_is_refused_and_left_alone(shim: Shim) -> None:
    change(shim.bundle, linux__cgroupsPath="/stackbox-test-others", linux__resources={"pids": {"limit": 9}})
    place = next(one.point for one in CGROUPS if "pids" in one.controllers) + "/stackbox-test-others"
    other = subprocess.Popen(["sleep", "1000"])
    os.mkdir(place)
    try:
        Path(place, "cgroup.procs").write_text(str(other.pid))
        result = shim.call("create", "--bundle", str(shim.bundle), "c")
        assert result.status == 1 and "is not empty" in result.err, result
        assert other.poll() is None
        nothing = [path for path in groups_left("others") if path != place]
        assert nothing == [] and os.listdir(shim.root) == []
    finally:
        other.kill()
        other.wait()
        eventually(lambda: not Path(place, "cgroup.procs").read_text(), "the group is not empty")
        os.rmdir(place)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_killed_while_it_is_created(shim: Shim, seed: int) -> None:
    rng = random.Random(seed)
    if os.geteuid() == 0 and CGROUPS:
        change(shim.bundle, linux__resources={"pids": {"limit": 50}})
    sibling = shim.start("sibling")
    for n in range(6):
        name = f"c{n}"
        if os.geteuid() == 0 and CGROUPS:
            change(shim.bundle, linux__cgroupsPath=f"/stackbox-test-{name}")
        kill_at_random(shim, rng, name, "create", "--bundle", str(shim.bundle), name)
        state = shim.root / name / "state.json"
        sentry = int(json.loads(state.read_text())["pid"]) if state.exists() else 0
        namespace = pid_namespace(sentry)
        nothing_of(shim, name)
        eventually(lambda space=namespace: not space or not processes_of(space), "processes are left")  # type: ignore[misc]
    assert shim.status("sibling") == "running"
    os.kill(sibling, signal.SIGKILL)
    shim.reap(sibling)


@pytest.mark.parametrize("verb", ["start", "exec", "pause", "kill", "delete"])
def test_killed_in_the_middle_of_a_verb(shim: Shim, verb: str) -> None:
    rng = random.Random(verb)
    for n in range(3):
        name = f"c{n}"
        pid = shim.create(name) if verb == "start" else shim.start(name)
        words = {
            "start": ["start", name],
            "exec": ["exec", name, "sleep", "1000"],
            "pause": ["pause", name],
            "kill": ["kill", name, "KILL"],
            "delete": ["delete", "--force", name],
        }[verb]
        kill_at_random(shim, rng, name, *words)
        nothing_of(shim, name)
        assert shim.reap(pid) in (-9, 137)


def test_the_sentry_is_killed(shim: Shim) -> None:
    pid = shim.start("c")
    namespace = pid_namespace(pid)
    members = processes_of(namespace)
    assert len(members) >= 2
    os.kill(pid, signal.SIGKILL)
    assert shim.reap(pid) == -9
    eventually(lambda: not processes_of(namespace), "guests outlive their kernel")
    assert shim.status("c") == "stopped"
    assert shim.call("exec", "c", "true").status == 255
    assert shim.call("delete", "c").status == 0


@pytest.mark.slow
def test_a_stopped_sandbox_is_reported(shim: Shim) -> None:
    """Nobody waits for ever for one that does not answer."""
    pid = shim.start("c")
    shim.says("c", "ready")
    os.kill(pid, signal.SIGSTOP)
    assert shim.status("c") == "running"  # as far as is known
    result = shim.call("kill", "c", "TERM")
    assert result.status == 1 and "does not answer" in result.err and "stopped?" in result.err
    assert shim.call("kill", "c", "KILL").status == 0
    assert shim.reap(pid) == -9


def test_a_hook_that_hangs_does_not_keep_delete(shim: Shim) -> None:
    change(shim.bundle, hooks={"prestart": [{"path": "/bin/sleep", "args": ["sleep", "1000"]}]})
    argv = command("--root", str(shim.root), "create", "--bundle", str(shim.bundle), "c")
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT
    )
    state = shim.root / "c" / "state.json"
    eventually(lambda: state.exists() and json.loads(state.read_text())["pid"] != 0, "it does not begin")
    assert shim.status("c") == "creating"
    hook = children_of(process.pid)
    assert hook
    nothing_of(shim, "c")
    assert process.wait(BOUND_S) != 0
    for pid in hook:
        assert shim.reap(pid) == -9  # orphaned, it has become ours


def test_a_root_that_cannot_be_made(shim: Shim) -> None:
    (shim.bundle / "file").write_text("")
    result = shim.call("--root", str(shim.bundle / "file" / "x"), "create", "--bundle", str(shim.bundle), "c")
    assert result.status == 1 and result.err.startswith("runsc: --root: ") and result.err.count("\n") == 1, result

"""What a sandbox holds of the host is given back however it ends: interfaces, control groups. Nothing waits for the
keeper that sees to it, and it ends."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Iterator

import pytest

from sandbox.boot import cgroup
from tests.e2e.conftest import BOUND_S, ROOT, Running, command, processes_of, settled
from tests.e2e.test_own_address import Lan

WANTED = {"memory": 1 << 30, "pids": 1000}
LIMITS = ("--memory", "100M", "--pids", "40")
SLEEP = ("/bin/sh", "-c", "echo ready; sleep 1000 & wait")


def places() -> list[str]:
    """The directories in which this machine lets us make control groups."""
    found = cgroup.find(WANTED, Path("/proc/self/cgroup").read_text(), Path("/proc/self/mountinfo").read_text())
    probe = cgroup.Cgroup(WANTED, f"probe-{os.getpid()}", found)
    probe.make()
    probe.give_back()
    return [os.path.dirname(directory) for directory in probe.directories]


needs_cgroups = pytest.mark.skipif(not places(), reason="needs a control group that can be written")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces")


def eventually(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < deadline, what


def groups_of(launcher: int) -> list[str]:
    return [path for parent in places() for path in map(str, Path(parent).glob(f"runsc-{launcher}-*"))]


class Held:
    """A running sandbox that has a keeper: `keeper` and `sentry` are its launcher's children."""

    def __init__(self, argv: list[str]) -> None:
        self.process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert self.process.stdout is not None
        self.first_line = self.process.stdout.readline()
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self.keeper, self.sentry = map(int, children)
        self.namespace = os.readlink(f"/proc/{self.sentry}/ns/pid")

    def kill(self, *pids: int) -> str:
        """SIGKILL; what the launcher's readers had of it, once they see the end."""
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        out, err = self.process.communicate(timeout=BOUND_S)
        return out + err

    def wait_for_keeper(self) -> None:
        eventually(lambda: not processes_of_pid(self.keeper), "the keeper is left")
        assert processes_of(self.namespace) == []

    def close(self) -> None:
        """Whatever happened, leave nothing."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.keeper, signal.SIGCONT)
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=BOUND_S)


Hold = Callable[[list[str]], Held]


@pytest.fixture
def hold() -> Iterator[Hold]:
    """Start sandboxes with limits that are ended at the end of the test."""
    held: list[Held] = []

    def begin(argv: list[str]) -> Held:
        held.append(Held(argv))
        return held[-1]

    yield begin
    for one in held:
        one.close()


def processes_of_pid(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@needs_cgroups
def test_limits_are_kept_by_a_control_group_too(hold: Hold) -> None:
    held = hold(command("do", *LIMITS, *SLEEP))
    groups = groups_of(held.process.pid)
    assert groups and held.first_line == "ready\n"
    inside = settled(held.namespace)
    assert held.sentry in inside and len(inside) > 2
    for group in groups:
        assert sorted(map(int, Path(group, "cgroup.procs").read_text().split())) == sorted(inside)
        for name, file in (("memory", "memory.max"), ("memory", "memory.limit_in_bytes"), ("pids", "pids.max")):
            path = Path(group, file)
            if path.exists() and path.read_text() != "max\n":
                wanted = {"memory": 2 * (100 << 20) + cgroup.SENTRY_MEMORY, "pids": 40 * 4 + cgroup.HOST_TASKS}[name]
                value = int(path.read_text())
                assert value == wanted or value > 1 << 60
    assert held.kill(held.process.pid) == ""
    held.wait_for_keeper()
    assert groups_of(held.process.pid) == []


@needs_cgroups
def test_the_host_keeps_the_bound() -> None:
    found = cgroup.find({"memory": 0}, Path("/proc/self/cgroup").read_text(), Path("/proc/self/mountinfo").read_text())
    group = cgroup.Cgroup({"memory": 40 << 20}, f"bound-{os.getpid()}", found)
    assert group.make() == []
    try:
        greedy = subprocess.run([sys.executable, "-c", "b'x' * (100 << 20)"], preexec_fn=lambda: group.join() and None)
        assert greedy.returncode == -signal.SIGKILL
    finally:
        group.give_back()


@needs_cgroups
@pytest.mark.parametrize("victims", ["sentry", "launcher", "sentry launcher", "launcher sentry", "keeper sentry"])
def test_control_groups_are_removed(victims: str, hold: Hold) -> None:
    held = hold(command("do", *LIMITS, *SLEEP))
    pids = {"sentry": held.sentry, "launcher": held.process.pid, "keeper": held.keeper}
    held.kill(*[pids[name] for name in victims.split()])
    held.wait_for_keeper()
    assert groups_of(held.process.pid) == []


@needs_cgroups
def test_a_command_with_limits_ends_as_any_other() -> None:
    process = subprocess.Popen(
        command("do", *LIMITS, "/bin/sh", "-c", "echo out; exit 3"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.communicate(timeout=BOUND_S)[0] == b"out\n"
    assert process.returncode == 3 and groups_of(process.pid) == []


def test_a_sandbox_that_holds_nothing_has_no_keeper(start: type[Running]) -> None:
    assert start("do", *SLEEP, rests=False).first_line == "ready\n"  # which looks for exactly one child


@needs_cgroups
def test_nobody_waits_for_the_keeper(hold: Hold) -> None:
    """A pipe that the command's output goes to ends with the launcher, although the keeper lives on, stopped."""
    held = hold(command("do", *LIMITS, *SLEEP))
    os.kill(held.keeper, signal.SIGSTOP)
    assert os.getsid(held.keeper) == held.keeper
    assert [os.readlink(f"/proc/{held.keeper}/fd/{fd}") for fd in (0, 1, 2)] == ["/dev/null"] * 3
    held.kill(held.process.pid)
    os.kill(held.keeper, signal.SIGCONT)
    held.wait_for_keeper()


@needs_cgroups
def test_signals_to_the_keeper_change_nothing(hold: Hold) -> None:
    held = hold(command("do", *LIMITS, *SLEEP))
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        os.kill(held.keeper, number)
    held.kill(held.process.pid)
    held.wait_for_keeper()
    assert groups_of(held.process.pid) == []


@needs_root
@pytest.mark.parametrize("victims", ["launcher", "sentry", "launcher sentry", "sentry launcher"])
def test_interfaces_are_given_back(victims: str, hold: Hold) -> None:
    lan = Lan("sandbox")
    try:
        before = lan.addresses()
        held = hold(lan.argv(*SLEEP))
        assert "10.198.0.2/24" not in lan.addresses()
        pids = {"sentry": held.sentry, "launcher": held.process.pid}
        held.kill(*[pids[name] for name in victims.split()])
        held.wait_for_keeper()
        assert lan.addresses() == before
        assert " 0% packet loss" in lan.host("ping", "-c", "1", "-W", "5", lan.inside[0]).out
    finally:
        lan.close()


@needs_root
def test_the_next_one_waits_until_they_are_given_back(hold: Hold) -> None:
    """The former's keeper takes its time: it is stopped until the next sandbox waits for it."""
    lan = Lan("sandbox")
    try:
        held = hold(lan.argv(*SLEEP))
        os.kill(held.keeper, signal.SIGSTOP)
        held.kill(held.sentry, held.process.pid)
        assert "10.198.0.2/24" not in lan.addresses()
        following = subprocess.Popen(
            lan.argv("ping", "-c", "1", "-W", "5", lan.outside[0]), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )  # fmt: skip
        eventually(lambda: waits_for_keeper(following), "nobody waits")
        os.kill(held.keeper, signal.SIGCONT)
        out, err = following.communicate(timeout=BOUND_S)
        assert " 0% packet loss" in out, (out, err)
        held.wait_for_keeper()
        assert "10.198.0.2/24" in lan.addresses()
    finally:
        lan.close()


def waits_for_keeper(process: subprocess.Popen[str]) -> bool:
    """It is connected to the claim, which the keeper has."""
    assert process.poll() is None, process.communicate()
    return Path(f"/proc/{process.pid}/net/unix").read_text().count("@runsc/interfaces") == 2


@needs_root
def test_killed_at_any_moment() -> None:
    """The launcher, the sentry or both, from before anything is taken until everything runs."""
    lan = Lan("sandbox")
    chance = random.Random(7)
    try:
        before = lan.addresses()
        for turn in range(12):
            process = subprocess.Popen(
                lan.argv(*LIMITS, "/bin/true"),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
            )
            deadline = time.monotonic() + chance.random() * 0.4
            while time.monotonic() < deadline:
                pass
            victims = [process.pid, *children_of(process.pid)[1:]]  # not the keeper, which is the first
            for pid in victims if turn % 3 == 0 else victims[turn % 3 - 1 :][:1]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.communicate(timeout=BOUND_S)
            eventually(lambda: lan.addresses() == before, f"turn {turn}: {lan.addresses()}\n{before}")
            eventually(lambda: in_namespace(lan.near) == [], f"turn {turn}: processes are left")
            assert groups_of(process.pid) == []
    finally:
        lan.close()


def children_of(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    return []


def in_namespace(name: str) -> list[str]:
    listed = subprocess.run(["ip", "netns", "pids", name], check=True, capture_output=True, text=True).stdout
    return re.findall(r"\d+", listed)

"""A sandbox in which nothing happens does nothing."""

from __future__ import annotations

import os
import select
import subprocess
import time

from tests.e2e.conftest import BOUND_S, ROOT, command

_POLL_S = 0.05
_QUIET = 110  # polls in a row: longer than between two samples of the load average


def _sentry(launcher: int) -> int | None:
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                head, _, rest = file.read().rpartition(")")
        except OSError:
            continue
        if int(rest.split()[1]) == launcher and head.endswith("(runsc-sandbox"):
            return int(name)
    return None


def _wake_ups(pid: int) -> int:
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        return sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)


LIMITED = "cd /sys/fs/cgroup && mkdir a && echo 0 >a/cgroup.procs && echo +cpu >cgroup.subtree_control && echo 50000 >a/cpu.max"


def test_an_idle_sandbox_does_not_wake_up() -> None:
    """Nobody looks at the memory, the clock, the network or a bound of processor time while every program waits."""
    idle = subprocess.Popen(
        command("do", "--memory=1G", "/bin/sh", "-c", f"{LIMITED} && echo ready; exec sleep 1000"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    try:
        assert idle.stdout is not None and idle.stdout.readline() == b"ready\n"
        sentry = _sentry(idle.pid)
        assert sentry is not None
        deadline = time.monotonic() + BOUND_S
        quiet, before = 0, -1
        while quiet < _QUIET:
            assert time.monotonic() < deadline, "it never stops"
            now = _wake_ups(sentry)
            quiet = quiet + 1 if now == before else 0
            before = now
            select.select([idle.stdout], [], [], _POLL_S)
    finally:
        idle.kill()
        idle.communicate()

"""Niceness of guests is that of their host threads (nice(2)); the first process begins with that of who started it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import BOUND_S, ROOT, Running, command, processes_of

PLATFORMS = ("lane", "ptrace")


def host_nice(running: Running) -> set[int]:
    """Of all threads of guests: neither the sentry's nor those of what it makes guests of."""
    found = set()
    for pid in processes_of(running.namespace):
        for tid in os.listdir(f"/proc/{pid}/task"):
            found.add(int(Path(f"/proc/{pid}/task/{tid}/stat").read_text().rpartition(")")[2].split()[16]))
    return found


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_host_schedules_by_it(start: type[Running], platform: str) -> None:
    """What was given away is taken back, where the host lets root do that."""
    words = "renice -n 7 $$ >/dev/null; nice -n 3 sleep 1000 & read x </proc/self/stat; echo ready; wait"
    mine = os.getpriority(os.PRIO_PROCESS, 0)
    running = start(f"--platform={platform}", "do", "/bin/bash", "-c", words)
    assert running.first_line == "ready\n"
    assert {mine, mine + 7, mine + 10} <= host_nice(running)


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.skipif(os.geteuid() != 0, reason="whoever is not root may not take it back")
def test_it_is_taken_back(start: type[Running], platform: str) -> None:
    words = "renice -n 9 $$ >/dev/null; renice -n -5 $$ >/dev/null; nice; exec sleep 1000"
    mine = os.getpriority(os.PRIO_PROCESS, 0)
    running = start(f"--platform={platform}", "do", "--cap-add=SYS_NICE", "/bin/bash", "-c", words)
    assert running.first_line == "-5\n" and host_nice(running) == {mine}


def test_it_begins_with_that_of_who_starts_it() -> None:
    """And root inside gets no more of the host's processors than that."""
    script = "nice; nice -n 2 nice; nice -n -3 nice"
    words = ["nice", "-n", "4", *command("do", "--cap-add=SYS_NICE", "/bin/sh", "-c", script)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=BOUND_S)
    mine = os.getpriority(os.PRIO_PROCESS, 0)
    assert done.stdout.split() == [str(mine + n) for n in (4, 6, 1)], done

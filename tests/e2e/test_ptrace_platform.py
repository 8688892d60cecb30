"""The command line and containers on the ptrace platform."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from tests.e2e.bundles import needs_busybox
from tests.e2e.conftest import ROOT, command, runsc
from tests.e2e.containers import Shim, eventually

pytestmark = needs_busybox
LOOP = "echo ready; while :; do i=$((i+1)); done"


@pytest.fixture
def shim(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shim]:
    monkeypatch.setenv("STACKBOX_RUNSC_COMMAND", " ".join(command("--platform", "ptrace")))
    shim = Shim(bundle)
    yield shim
    shim.close()


def test_processes_pipes_and_a_status() -> None:
    done = runsc("--platform", "ptrace", "--debug", "do", "sh", "-c", "seq 100 | sort -rn | head -n 1; exit 7")
    assert (done.status, done.out) == (7, "100\n")
    assert "calls" in done.err and "parked" not in done.err and "oops" not in done.err


def test_an_unknown_platform_is_refused() -> None:
    done = runsc("--platform", "kvm", "do", "true")
    assert done.status == 125 and "auto, lane, ptrace" in done.err


def test_a_container_that_computes_is_paused_and_killed(shim: Shim) -> None:
    pid = shim.start("c", "/bin/sh", "-c", LOOP)
    shim.says("c", "ready")
    assert shim.call("exec", "c", "/bin/echo", "hi").out == "hi\n"
    assert shim.call("pause", "c").status == 0 and shim.status("c") == "paused"
    assert shim.call("resume", "c").status == 0 and shim.status("c") == "running"
    assert shim.call("exec", "c", "/bin/echo", "hi").out == "hi\n"
    assert shim.call("kill", "c", "KILL").status == 0
    assert shim.reap(pid) == 137
    assert shim.call("delete", "c").status == 0


def test_guests_die_with_the_sandbox() -> None:
    words = command("--platform", "ptrace", "do", "sh", "-c", LOOP)
    launcher = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert launcher.stdout is not None and launcher.stdout.readline() == "ready\n"
    sentry = int(Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()[0])
    guests = Path(f"/proc/{sentry}/task/{sentry}/children").read_text().split()
    assert guests
    os.kill(sentry, signal.SIGKILL)
    launcher.stdout.close()
    assert launcher.wait(30) != 0
    eventually(lambda: not any(Path(f"/proc/{guest}").exists() for guest in guests), "the guests are gone")

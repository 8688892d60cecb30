"""The corpus once more where the platform works differently: nobody looks at lanes; every call is trapped; one CPU for
all; the other platform; and where what the host says of files is believed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.guest import runner

LIKE = [program for program in runner.programs() if not program.gap()]


def _without_looking(work: Path) -> subprocess.Popen[bytes]:
    return runner.start_sandbox(work, [sys.executable, "-m", "runsc", "--no-look", "do"])


def _without_patches(work: Path) -> subprocess.Popen[bytes]:
    return runner.start_sandbox(work, [sys.executable, "-m", "runsc", "--no-patch", "do"])


def _by_ptrace(work: Path) -> subprocess.Popen[bytes]:
    return runner.start_sandbox(work, [sys.executable, "-m", "runsc", "--platform", "ptrace", "do"])


def _files_for_a_time(work: Path) -> subprocess.Popen[bytes]:
    return runner.start_sandbox(work, [sys.executable, "-m", "runsc", "--file-access-mounts", "timed", "do"])


def _files_for_good(work: Path) -> subprocess.Popen[bytes]:
    return runner.start_sandbox(work, [sys.executable, "-m", "runsc", "--file-access-mounts", "exclusive", "do"])


def _on_one_cpu(work: Path) -> subprocess.Popen[bytes]:
    cpu = min(os.sched_getaffinity(0))
    return runner.start_sandbox(work, ["taskset", "-c", str(cpu), sys.executable, "-m", "runsc", "do"])


def _native_on_one_cpu(work: Path) -> subprocess.Popen[bytes]:
    return runner.start_native(work, ["taskset", "-c", str(min(os.sched_getaffinity(0)))])


STARTS = {
    "without looking": _without_looking,
    "without patches": _without_patches,
    "by ptrace": _by_ptrace,
    "files for a time": _files_for_a_time,
    "files for good": _files_for_good,
}


@pytest.mark.slow
@pytest.mark.parametrize("regime", [*STARTS, "on one CPU"])
def test_the_corpus(regime: str) -> None:
    if regime == "on one CPU":
        native, inside = runner.run(LIKE, _native_on_one_cpu), runner.run(LIKE, _on_one_cpu)
    else:
        native, inside = runner.run(LIKE, runner.start_native), runner.run(LIKE, STARTS[regime])
    found = {p.name: runner.differences(native[p.name], inside[p.name]) for p in LIKE}
    different = [f"{name}:\n" + "\n".join(lines) for name, lines in found.items() if lines]
    assert not different, "\n\n".join(different)

"""64 threads that call, signal, fork, execute, map and hand over at random: nothing is lost, wrong or left, however the
platform works. A minute for a choice of combinations that has every pair of settings; ten minutes for all of them in
the soak."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import runsc

SOURCE = Path(__file__).parent / "programs" / "stress.c"
FACTORS = ("--no-look", "--no-patch", "--no-copies", "one CPU")
ALL = [frozenset(itertools.compress(FACTORS, chosen)) for chosen in itertools.product((0, 1), repeat=len(FACTORS))]
PAIRWISE = [
    frozenset[str](),
    frozenset(("--no-look", "--no-patch", "--no-copies")),
    frozenset(("--no-look", "one CPU")),
    frozenset(("--no-patch", "one CPU")),
    frozenset(("--no-copies", "one CPU")),
    frozenset(("--no-look", "--no-patch", "--no-copies", "one CPU")),
]


def name(settings: frozenset[str]) -> str:
    return ",".join(f for f in FACTORS if f in settings) or "as it is"


@pytest.fixture(scope="module")
def stress(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stress")
    subprocess.run(["gcc", "-O1", "-Wall", "-pthread", "-o", str(folder / "stress"), str(SOURCE)], check=True)
    return folder


def run(folder: Path, settings: frozenset[str], seconds: int) -> None:
    flags = [flag for flag in FACTORS if flag in settings and flag.startswith("--")]
    before = os.sched_getaffinity(0)
    if "one CPU" in settings:
        os.sched_setaffinity(0, {min(before)})
    try:
        done = runsc(
            "--debug", *flags, "do", "--volume", f"{folder}:/mnt:ro", "/mnt/stress", "64", str(seconds), "1",
            bound_s=seconds + 120,
        )  # fmt: skip
    finally:
        os.sched_setaffinity(0, before)
    assert (done.status, done.out) == (0, "ok\n"), (done.out[-2000:], done.err[-2000:])
    assert "oops" not in done.err
    lanes = re.search(r"platform: .* lanes (\d+)", done.err)
    assert lanes is not None and int(lanes[1]) == 1, done.err[-500:]  # the first process's


def test_every_pair_of_settings_is_in_the_choice() -> None:
    for a, b in itertools.combinations(FACTORS, 2):
        assert {(a in settings, b in settings) for settings in PAIRWISE} == set(
            itertools.product((True, False), repeat=2)
        )


@pytest.mark.slow
@pytest.mark.parametrize("settings", PAIRWISE, ids=name)
def test_a_minute(stress: Path, settings: frozenset[str]) -> None:
    run(stress, settings, 60)


@pytest.mark.soak
@pytest.mark.parametrize("settings", ALL, ids=name)
def test_ten_minutes(stress: Path, settings: frozenset[str]) -> None:
    run(stress, settings, 600)

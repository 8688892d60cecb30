"""Every program of the corpus does natively what it does inside the sandbox."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from tests.guest import runner

PROGRAMS = {program.name: program for program in runner.programs()}

INSIDE = [
    pytest.param(name, marks=pytest.mark.xfail(reason=program.gap())) if program.gap() else name
    for name, program in PROGRAMS.items()
]


def _chosen(request: pytest.FixtureRequest, test: str) -> list[runner.Program]:
    """The programs for which `test` was selected in this session."""
    here = (item for item in request.session.items if isinstance(item, pytest.Function) and item.path == Path(__file__))
    items = [item for item in here if item.originalname == test]
    names = [item.callspec.params["name"] for item in items]
    return [PROGRAMS[name] for name in names]


@pytest.fixture(scope="session")
def native(request: pytest.FixtureRequest) -> dict[str, runner.Outcome]:
    chosen = {p.name: p for test in ("test_deterministic", "test_inside") for p in _chosen(request, test)}
    return runner.run(chosen.values(), runner.start_native)


@pytest.fixture(scope="session")
def native_again(request: pytest.FixtureRequest) -> dict[str, runner.Outcome]:
    return runner.run(_chosen(request, "test_deterministic"), runner.start_native)


@pytest.fixture(scope="session")
def inside(request: pytest.FixtureRequest) -> dict[str, runner.Outcome]:
    return runner.run(_chosen(request, "test_inside"), runner.start_sandbox)


@pytest.mark.slow  # a second native run of everything: for who adds programs, and for the long suites
@pytest.mark.parametrize("name", PROGRAMS)
def test_deterministic(name: str, native: dict[str, runner.Outcome], native_again: dict[str, runner.Outcome]) -> None:
    assert not runner.differences(native[name], native_again[name])


@pytest.mark.skipif(
    sys.platform != "linux" or importlib.util.find_spec("runsc.__main__") is None, reason="no runsc to run it in"
)
@pytest.mark.parametrize("name", INSIDE)
def test_inside(name: str, native: dict[str, runner.Outcome], inside: dict[str, runner.Outcome]) -> None:
    assert native[name].status is not None, "hangs natively"
    assert native[name].out, "a program that prints nothing compares nothing"
    found = runner.differences(native[name], inside[name])
    assert not found, "\n".join(found)

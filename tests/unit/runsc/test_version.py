"""`runsc version`, and the version that the distribution carries."""

from __future__ import annotations

import platform
import tomllib
from pathlib import Path

import pytest

from runsc.cli import run_command_line
from runsc.version import VERSION
from tcpip.native import is_compiled


@pytest.mark.parametrize("words", [["version"], ["--version"], ["--version", "do"], ["do", "--version"]])
def test_version_prints_the_version_and_the_specification(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(words) == 0
    build = "compiled" if is_compiled() else "interpreted"
    python = platform.python_version()
    assert capsys.readouterr().out == f"runsc version {VERSION}\nspec: 1.1.0\nbuild: {build}, Python {python}\n"


def test_the_distribution_has_the_same_version() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION


def test_version_takes_no_arguments(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["version", "x"]) == 1
    assert capfd.readouterr().err == "runsc: version takes no arguments: 'x'\n"

"""The quickest of the programs; `make programs` runs all of them."""

from __future__ import annotations

import json
import os

import pytest

from tests.programs.report import PAGE, page
from tests.programs.root import CannotPrepare, prepare
from tests.programs.run import RESULTS, Program, compare, programs


@pytest.mark.slow
@pytest.mark.parametrize("program", programs(quick=True), ids=lambda program: program.name)
def test_a_program_does_inside_what_it_does_natively(program: Program) -> None:
    try:
        prepare(program.packages(), program.fields.get("prepare", ""))
    except CannotPrepare as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
    result = compare(program)
    assert result["differences"] == []
    lines = result["lines"]
    assert isinstance(lines, int) and lines > 0


@pytest.mark.soak
def test_stressors_for_twenty_seconds_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRESS_SECONDS", "20")
    program = next(program for program in programs() if program.name == "stress-ng")
    program.fields["bound"] = "21600"
    prepare(program.packages(), program.fields.get("prepare", ""))
    assert compare(program)["differences"] == []


def test_every_script_says_what_it_does() -> None:
    for program in programs():
        assert {"title", "packages", "what"} <= set(program.fields), program.path


def test_the_page_is_of_the_results() -> None:
    assert PAGE.read_text() == page(json.loads(RESULTS.read_text()))

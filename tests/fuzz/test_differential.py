"""Random programs do inside what they do natively. More of them: `make soak`."""

import os

import pytest

from tests.fuzz import differential

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="plays programs natively in namespaces")


def fuzz(capsys: pytest.CaptureFixture[str], *words: str) -> None:
    status = differential.main(list(words))
    assert status == 0, capsys.readouterr().out


@pytest.mark.parametrize("platform", ["lane", "ptrace"])
def test_what_was_found_once(capsys: pytest.CaptureFixture[str], platform: str) -> None:
    fuzz(capsys, "--file", str(differential.CORPUS), "--platform", platform)


def test_some_programs(capsys: pytest.CaptureFixture[str]) -> None:
    fuzz(capsys, "--seed", "1", "--programs", "150")


@pytest.mark.slow
@pytest.mark.parametrize(("platform", "programs"), [("lane", "1500"), ("ptrace", "400")])
def test_many_programs(capsys: pytest.CaptureFixture[str], platform: str, programs: str) -> None:
    fuzz(capsys, "--seed", "2", "--programs", programs, "--platform", platform)


@pytest.mark.soak
def test_a_hundred_thousand_programs(capsys: pytest.CaptureFixture[str]) -> None:
    fuzz(capsys, "--seed", "3", "--programs", "100000")

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

"""Random system calls in the sandbox: nothing breaks, hangs, grows or is left. More of them: `make soak`."""

import pytest

from tests.fuzz import syscalls


def fuzz(capsys: pytest.CaptureFixture[str], platform: str, seed: int, calls: int) -> None:
    status = syscalls.main(["--platform", platform, "--seed", str(seed), "--calls", str(calls)])
    assert status == 0, capsys.readouterr().out


def test_some_thousand_calls(capsys: pytest.CaptureFixture[str]) -> None:
    fuzz(capsys, "lane", 1, 20_000)


@pytest.mark.slow
@pytest.mark.parametrize("platform", ["lane", "ptrace"])
def test_a_hundred_thousand_calls(capsys: pytest.CaptureFixture[str], platform: str) -> None:
    fuzz(capsys, platform, 2, 100_000)


@pytest.mark.soak
@pytest.mark.parametrize("platform", ["lane", "ptrace"])
def test_five_million_calls(capsys: pytest.CaptureFixture[str], platform: str) -> None:
    fuzz(capsys, platform, 3, 5_000_000)

"""Ten million inputs to each target, with atheris: `make soak`."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from .targets import TARGETS

INPUTS = 10_000_000


@pytest.mark.soak
@pytest.mark.parametrize("name", sorted(TARGETS))
def test_ten_million_inputs(tmp_path: Path, name: str) -> None:
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("needs atheris: .venv/bin/pip install atheris")
    command = [sys.executable, "-m", "tests.fuzz", name, "--inputs", str(INPUTS), "--corpus", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-5000:]


@pytest.mark.slow
def test_the_fuzzer_runs(tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("needs atheris: .venv/bin/pip install atheris")
    command = [sys.executable, "-m", "tests.fuzz", "parsers", "--inputs", "20000", "--corpus", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "Done 20000 runs" in done.stderr, done.stderr[-5000:]

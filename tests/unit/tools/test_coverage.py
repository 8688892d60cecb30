"""Nine lines in ten of the stack are run by its quick tests."""

import subprocess
import sys

import pytest

from tools.labels import ROOT


@pytest.mark.slow
@pytest.mark.interpreted
def test_coverage_of_tcpip() -> None:
    command = [sys.executable, "-m", "tools.coverage_of_tcpip", "90"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-5000:]
    print(done.stdout.splitlines()[-1])

"""Commands that only talk to a sandbox start fast: they import nothing of its kernel, and no heavy module."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tools.labels import ROOT

MODULES = (
    "runsc.container.exec_process",
    "runsc.container.start",
    "runsc.container.destroy",
    "runsc.container.container",
    "runsc.container.prometheus",
)
HEAVY = ("sandbox.kernel", "sandbox.vfs", "sandbox.fs", "sandbox.platform", "tcpip", "argparse", "subprocess", "socket")


@pytest.mark.parametrize(
    "module",
    [f"runsc.cmd.{v}" for v in ("state", "kill", "exec", "delete", "list", "ps", "metrics", "debug")] + list(MODULES),
)
def test_what_it_imports(module: str) -> None:
    code = f"import sys; import runsc.cli, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    found = [name for name in done.stdout.split() if name.split(".")[0] in HEAVY or name.startswith(HEAVY[:4])]
    assert found == []

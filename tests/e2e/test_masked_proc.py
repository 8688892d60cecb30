"""The runtime in a container that masks parts of /proc: there is no procfs of the sandbox's own PID namespace."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.e2e.conftest import BOUND_S, ROOT

ENTER = """
mount --make-rprivate / && mount -t tmpfs none /proc/irq && exec unshare -Ur -m -p -f "$@"
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="hiding parts of /proc needs root")
def test_what_a_process_uses_is_known_where_proc_is_masked() -> None:
    """The host's account is that of processes with other numbers."""
    fill = "x = b'x' * (32 << 20); print(int(open('/proc/self/statm').read().split()[1]) > 32 << 8)"
    inside = [sys.executable, "-m", "runsc", "do", "--network", "none", "python3", "-c", fill]
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", ENTER, "sh", *inside], cwd=ROOT, capture_output=True, text=True, timeout=BOUND_S
    )
    assert (done.returncode, done.stdout) == (0, "True\n"), done

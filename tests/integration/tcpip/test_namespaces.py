"""What the tests themselves leave: nothing, also when they are killed or a namespace is only half made."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools import netns

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces")

KILLED = """
import subprocess
from tools import netns
name = netns.add()
child = subprocess.Popen(["ip", "netns", "exec", name, "sleep", "1000"], stdout=-3, stderr=-3)
while b"sleep" not in open(f"/proc/{child.pid}/cmdline", "rb").read().split(b"\\0")[:1]: pass
print(name, child.pid, flush=True)
import os; os.kill(os.getpid(), 9)
"""


def ended(pid: int) -> bool:
    """Gone, or nobody has asked for its status."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_of_a_run_that_was_killed() -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, text=True, timeout=60)
    name, child = killed.stdout.split()
    assert killed.returncode == -9 and name in os.listdir(netns.DIRECTORY), killed
    other = netns.add()
    try:
        left = os.listdir(netns.DIRECTORY)
        assert other in left and name not in left
        deadline = time.monotonic() + 60
        while not ended(int(child)):
            assert time.monotonic() < deadline
    finally:
        netns.remove(other)
    assert other not in os.listdir(netns.DIRECTORY)


def test_of_one_that_is_half_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*words: str) -> None:
        if "link" in words:
            raise KeyboardInterrupt
        subprocess.run(["ip", *words], check=True)

    monkeypatch.setattr(netns, "_ip", fails)
    before = set(os.listdir(netns.DIRECTORY)) if os.path.isdir(netns.DIRECTORY) else set()
    with pytest.raises(KeyboardInterrupt):
        netns.add()
    mine = {name for name in os.listdir(netns.DIRECTORY) if name.startswith(f"stackbox-{os.getpid()}-")}
    assert mine <= before

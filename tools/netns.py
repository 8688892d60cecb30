"""Named network namespaces for tests and benchmarks: what a run that was killed left behind goes with the next one."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
import subprocess
from typing import Final

DIRECTORY: Final = "/run/netns"
_NAME: Final = re.compile(r"stackbox-(\d+)-\d+")
_numbers = itertools.count()


def add() -> str:
    """A new one; its loopback is up. CalledProcessError."""
    remove_stale()
    name = f"stackbox-{os.getpid()}-{next(_numbers)}"
    _ip("netns", "add", name)
    try:
        _ip("-n", name, "link", "set", "lo", "up")
    except BaseException:
        remove(name)
        raise
    return name


def remove(name: str) -> None:
    """It and every process that is left in it, servers that a failed test started for instance."""
    listed = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True).stdout
    for pid in map(int, listed.split()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    subprocess.run(["ip", "netns", "del", name], capture_output=True)


def remove_stale() -> None:
    """Those whose maker is gone."""
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(DIRECTORY):
            made = _NAME.fullmatch(name)
            if made is not None and not os.path.exists(f"/proc/{made[1]}"):
                remove(name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)

"""The sentry's own filter, in a process that takes it on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sandbox.boot.host_filter import DENIED, program

SCRIPT = """
import os, sys
sys.path.insert(0, {root!r})
from sandbox.boot import host_filter, libc
libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)
host_filter.install()
for name, attempt in (
    ("fork", os.fork),
    ("exec", lambda: os.execv("/bin/true", ["true"])),
    ("unshare", lambda: libc.unshare(libc.CLONE_NEWUSER)),
    ("chroot", lambda: os.chroot("/")),
    ("setuid", lambda: os.setresuid(0, 0, 0)),
):
    try:
        attempt()
        print(name, "done")
    except OSError as error:
        print(name, error.errno)
print(os.getpid() > 0, len(os.listdir("/")) > 0)
"""


def test_what_is_denied_and_what_is_not() -> None:
    script = SCRIPT.format(root=str(Path(__file__).parents[4]))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30)
    assert done.stdout.splitlines() == ["fork 1", "exec 1", "unshare 1", "chroot 1", "setuid 1", "True True"], done


def test_the_program_fits_and_names_each_number_once() -> None:
    assert len(set(DENIED.values())) == len(DENIED)
    assert len(program(tuple(DENIED.values()))) // 8 < 4096

"""The runtime inside a chroot, where `/` is not the root of a mount."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import BOUND_S, ROOT

ENTER = """
set -e
mount --make-r$PROPAGATION /
root=$1; shift
for name in usr etc opt; do mkdir -p "$root/$name"; mount --rbind /$name "$root/$name"; done
for name in bin lib lib64 sbin; do ln -s usr/$name "$root/$name"; done
mkdir -p "$root/proc" "$root/dev" "$root/sys" "$root/tmp" "$root/repository" "$root$BASE"
mount -t proc proc "$root/proc"; mount --rbind /dev "$root/dev"; mount --rbind "$ROOT" "$root/repository"
mount --rbind "$BASE" "$root$BASE"
exec chroot "$root" env -C /repository "$@"
"""


PYTHON = sys.executable.replace(str(ROOT), "/repository", 1)
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="chroot(2) needs root")


def chrooted(root: Path, script: str, propagation: str = "private") -> subprocess.CompletedProcess[str]:
    environment = {name: value.replace(str(ROOT), "/repository") for name, value in os.environ.items()}
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", ENTER, "sh", str(root), "sh", "-c", script],
        env={**environment, "ROOT": str(ROOT), "BASE": sys.base_prefix, "PROPAGATION": propagation},
        capture_output=True,
        text=True,
        timeout=BOUND_S,
    )


@pytest.mark.parametrize("propagation", ["private", "shared"])
def test_a_sandbox_in_a_chroot_leaves_no_mount(tmp_path: Path, propagation: str) -> None:
    """Also where the host's mounts are shared: what is mounted for the sandbox must not show outside it."""
    mounts = "wc -l </proc/self/mountinfo"
    done = chrooted(tmp_path, f"{mounts}; {PYTHON} -m runsc do --network none echo hello; {mounts}", propagation)
    assert done.returncode == 0, done
    before, said, after = done.stdout.split()
    assert (said, before) == ("hello", after)


def test_a_root_without_the_directories_that_are_mounted_over(tmp_path: Path) -> None:
    inside = "echo text >/tmp/file && cat /tmp/file && stat -c '%a %n' /tmp /run /dev/shm"
    done = chrooted(tmp_path, f'rmdir /tmp /sys && {PYTHON} -m runsc do sh -c "{inside}" && ls -d /tmp /run')
    assert done.stdout == "text\n1777 /tmp\n755 /run\n1777 /dev/shm\n", done
    assert done.stderr.count("\n") == 2 and done.stderr.count("No such file") == 2, done

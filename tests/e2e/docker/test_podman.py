"""podman, as root, with everything it keeps in a directory of the test's. docs/podman.md is run word for word."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Iterator

import pytest

from tests.e2e.conftest import BOUND_S, ROOT, command
from tests.e2e.docker.engines import need_engines

pytestmark = pytest.mark.slow
PAGE = (ROOT / "docs" / "podman.md").read_text()
IN_A_MOUNT_NAMESPACE = """
mount --make-rprivate / && mount -t tmpfs none /usr/local/bin && cp "$1" /usr/local/bin/runsc && eval "$2"
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


class Podman:
    """Shell scripts in a mount namespace where /usr/local/bin holds runsc and nothing else."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.runsc = directory / "runsc.sh"
        words = " ".join(f"'{word}'" for word in command())
        self.runsc.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {words} "$@"\n')
        self.runsc.chmod(0o755)
        settings = blocks("toml")[0].replace(
            "[engine]\n", f'[engine]\nevents_logger = "file"\ntmp_dir = "{directory}/tmp"\n'
        )
        (directory / "containers.conf").write_text(settings)
        storage = f'[storage]\ndriver = "vfs"\ngraphroot = "{directory}/root"\nrunroot = "{directory}/run"\n'
        (directory / "storage.conf").write_text(storage)

    def shell(self, script: str, status: int = 0) -> str:
        environment = {
            **os.environ,
            "CONTAINERS_CONF": str(self.directory / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.directory / "storage.conf"),
        }
        done = subprocess.run(
            ["unshare", "-m", "sh", "-e", "-c", IN_A_MOUNT_NAMESPACE, "sh", str(self.runsc), script],
            cwd=self.directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=4 * BOUND_S,
        )
        assert done.returncode == status, done
        return done.stdout


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    need_engines({"podman": "podman"})
    podman = Podman(Path(tempfile.mkdtemp(prefix="sbp")))
    try:
        yield podman
    finally:
        podman.shell("podman rm --all --force --time 0")
        shutil.rmtree(podman.directory, ignore_errors=True)


def test_the_quick_start(podman: Podman) -> None:
    out = podman.shell(blocks("sh")[0]).splitlines()
    assert "6.6.0" in out and any("sleep 1000" in line for line in out), out
    assert podman.shell("podman ps --all --quiet") == ""


def test_flags_and_status(podman: Podman, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("in\n")
    tmp_path.chmod(0o755)
    run = f"podman run --rm --network none -e A=b -w /bin -u 7:8 -v {tmp_path}:/v --memory 64m --read-only --read-only-tmpfs=false busybox"
    script = "echo $A; pwd; id -u; id -g; cat /v/in; touch /x || echo ro; head -1 /proc/meminfo; exit 7"
    out = podman.shell(f"{run} sh -c '{script}'", 7)
    assert out.split() == ["b", "/bin", "7", "8", "in", "ro", "MemTotal:", "65536", "kB"]


def test_a_life(podman: Podman) -> None:
    podman.shell(
        "podman run -d --name box --network none busybox "
        "sh -c 'trap \"exit 5\" TERM; echo up; while :; do sleep 1000 & wait; done'"
    )
    assert podman.shell("podman exec box sh -c 'echo inside; exit 4'", 4) == "inside\n"
    podman.shell("podman pause box && podman unpause box && podman stop box")
    assert podman.shell("podman inspect --format '{{.State.ExitCode}}' box") == "5\n"
    assert podman.shell("podman logs box") == "up\n"
    podman.shell("podman rm box")

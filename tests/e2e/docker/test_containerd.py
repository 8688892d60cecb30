"""containerd's own client, with its runc shim and our binary in runc's place."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Iterator

import pytest

from tests.e2e.docker.engines import Containerd, busybox_root, need_engines

pytestmark = pytest.mark.slow
RUNTIME = ["--runtime", "io.containerd.runc.v2", "--runc-binary", "/usr/local/bin/runsc"]
RUNTIME += ["--env", "PATH=/bin"]  # ctr gives none where there is no image


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    need_engines()
    directory = Path(tempfile.mkdtemp(prefix="sbc"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def containerd(directory: Path) -> Iterator[Containerd]:
    containerd = Containerd(directory)
    yield containerd
    containerd.close()


@pytest.fixture(scope="module")
def rootfs(directory: Path) -> str:
    return str(busybox_root(directory))


def run(
    containerd: Containerd, rootfs: str, name: str, *words: str, flags: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    root = ["--runc-root", str(containerd.directory / "runsc")]
    return containerd.run("run", *RUNTIME, *root, *flags, "--rootfs", rootfs, name, *words)


def test_run(containerd: Containerd, rootfs: str) -> None:
    done = run(containerd, rootfs, "one", "sh", "-c", "uname -r; exit 7", flags=("--rm",))
    assert (done.returncode, done.stdout) == (7, "6.6.0\n"), done


def test_flags(containerd: Containerd, rootfs: str) -> None:
    mount = f"type=bind,src={containerd.directory},dst=/given,options=rbind:ro"
    flags = ("--rm", "--env", "A=b", "--cwd", "/tmp", "--mount", mount, "--memory-limit", "67108864")
    done = run(
        containerd,
        rootfs,
        "two",
        "sh",
        "-c",
        "echo $A; pwd; ls /given | wc -l; head -1 /proc/meminfo",
        flags=flags,
    )
    out = done.stdout.split()
    assert done.returncode == 0 and out[:2] == ["b", "/tmp"] and int(out[2]) > 1 and out[4] == "65536", done


def test_tasks(containerd: Containerd, rootfs: str) -> None:
    done = run(containerd, rootfs, "three", "sh", "-c", "echo ready; sleep 1000", flags=("--detach",))
    assert done.returncode == 0, done
    done = containerd.run("task", "exec", "--exec-id", "e", "three", "sh", "-c", "echo inside; exit 5")
    assert (done.returncode, done.stdout) == (5, "inside\n"), done
    assert "RUNNING" in containerd.run("task", "list").stdout
    assert containerd.run("task", "pause", "three").returncode == 0
    assert "PAUSED" in containerd.run("task", "list").stdout
    assert containerd.run("task", "resume", "three").returncode == 0
    assert len(containerd.run("task", "ps", "three").stdout.splitlines()) >= 2
    assert containerd.run("task", "kill", "--signal", "SIGKILL", "three").returncode == 0
    done = containerd.run("task", "delete", "--force", "three")
    assert done.returncode == 0 and "exit code 137" in done.stderr, done
    assert containerd.run("container", "delete", "three").returncode == 0
    root = containerd.directory / "runsc" / "default"
    assert not root.exists() or os.listdir(root) == []

"""A dockerd that is killed at random moments of what it is asked for: with the next one everything can be taken away that was begun."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, command
from tests.e2e.containers import eventually
from tests.e2e.docker.engines import Docker, busybox_root, need_engines

MOMENTS = 5  # of each verb


def processes(docker: Docker, *parts: str) -> dict[int, str]:
    """Those of this daemon that live and have one of `parts` in their command lines."""
    found = {}
    for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            if str(docker.directory) in words and any(part in words for part in parts) and state != "Z":
                found[pid] = words
    return found


def left(docker: Docker) -> list[str]:
    """What the runtime keeps of containers, and its processes."""
    return docker.leftovers() + list(processes(docker, "runtime-runc").values())


def forgotten(docker: Docker) -> None:
    """A dockerd that is killed before it has written down that its container runs does not know of it afterwards, whatever the
    runtime: it stays. The runtime takes it away."""
    for name in docker.leftovers():
        root = docker.directory / "exec" / "runtime-runc" / "moby"
        done = subprocess.run(command("--root", str(root), "delete", "--force", name), cwd=ROOT, capture_output=True)
        assert done.returncode == 0, done


def end_shims(docker: Docker) -> None:
    """A containerd that is killed after it has deleted a container and before it has told the shim to go leaves the shim there
    for good, whatever the runtime (runc's too: in one of about forty kills while it deletes)."""
    for pid in processes(docker, "containerd-shim"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def kill(docker: Docker) -> None:
    """As the machine's memory might end it, and its containerd with it."""
    docker.process.send_signal(signal.SIGKILL)
    docker.process.wait()
    (docker.directory / "exec" / "containerd" / "containerd.pid").unlink(missing_ok=True)


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["run", "stop", "rm"])
def test_nothing_stays_whenever_dockerd_is_killed(tmp_path: Path, verb: str) -> None:
    need_engines()
    docker = Docker(tmp_path, {"runtimes": {"runsc": {"path": "/usr/local/bin/runsc"}}})
    moments = random.Random(verb)
    try:
        archive = tmp_path / "root.tar"
        subprocess.run(["tar", "-C", str(busybox_root(tmp_path)), "-cf", str(archive), "."], check=True)
        docker.run("import", str(archive), "busybox")
        new = ("run", "-d", "--runtime=runsc", "--network=none", "--name=cc", "busybox", "sleep", "1000")
        words = {"run": new, "stop": ("stop", "-t", "0", "cc"), "rm": ("rm", "-f", "cc")}[verb]
        for _ in range(MOMENTS):
            if verb != "run":
                docker.run(*new)
            client = subprocess.Popen(
                ["docker", "-H", docker.host, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            with contextlib.suppress(subprocess.TimeoutExpired):
                client.wait(moments.uniform(0, 1.2))
            kill(docker)
            client.wait()
            docker.start_again()
            docker.run("rm", "-f", "cc", check=False)
            if verb == "run":
                forgotten(docker)
            eventually(lambda: left(docker) == [], "something stays")
            end_shims(docker)
            assert docker.run("ps", "-aq").stdout == ""
        docker.run("run", "--rm", "--runtime=runsc", "--network=none", "busybox", "true")
    finally:
        docker.close()

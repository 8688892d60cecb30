"""A dockerd that is killed and started again beside its containers, with live-restore and without."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.containers import eventually
from tests.e2e.docker.engines import Docker, busybox_root, need_engines


@pytest.mark.slow
@pytest.mark.parametrize("live", [True, False])
def test_dockerd_is_killed_beside_a_container(tmp_path: Path, live: bool) -> None:
    """Its container goes on, or is ended by the next dockerd; nothing is left of it."""
    need_engines()
    settings: dict[str, object] = {"runtimes": {"runsc": {"path": "/usr/local/bin/runsc"}}, "live-restore": live}
    docker = Docker(tmp_path, settings)
    try:
        archive = tmp_path / "root.tar"
        subprocess.run(["tar", "-C", str(busybox_root(tmp_path)), "-cf", str(archive), "."], check=True)
        docker.run("import", str(archive), "busybox")
        script = "while :; do echo again; sleep 0.2; done"
        docker.run("run", "-d", "--runtime=runsc", "--network=none", "--name=cc", "busybox", "sh", "-c", script)
        before = docker.run("inspect", "-f", "{{.State.Pid}}", "cc").stdout
        docker.process.send_signal(signal.SIGKILL)
        docker.process.wait()
        # Its containerd goes with it. Where nobody reaps that one the next dockerd would take its number for a live one.
        (tmp_path / "exec" / "containerd" / "containerd.pid").unlink()
        docker.start_again()
        state = docker.run("inspect", "-f", "{{.State.Status}} {{.State.Pid}}", "cc").stdout
        assert state == (f"running {before}" if live else "exited 0\n")
        if live:
            seen = len(docker.run("logs", "cc").stdout)
            eventually(lambda: len(docker.run("logs", "cc").stdout) > seen, "its output is not read any more")
            assert docker.run("exec", "cc", "echo", "in").stdout == "in\n"
            docker.run("update", "--memory=64m", "--memory-swap=64m", "cc")
            docker.run("pause", "cc")
            docker.run("unpause", "cc")
            docker.run("stop", "-t", "0", "cc")
        else:
            docker.run("start", "cc")
            assert docker.run("exec", "cc", "echo", "in").stdout == "in\n"
        docker.run("rm", "-f", "cc")
        assert docker.leftovers() == []
    finally:
        docker.close()

"""A swarm of one node, whose services run in sandboxes: the section of docs/docker.md, word for word."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Iterator

import pytest

from tests.e2e.conftest import BOUND_S
from tests.e2e.containers import eventually
from tests.e2e.docker.engines import Docker, need_engines
from tests.e2e.docker.test_docker import blocks, shell

pytestmark = pytest.mark.slow


@pytest.fixture
def docker() -> Iterator[Docker]:
    """In a network namespace of its own, for the bridge that a swarm makes."""
    need_engines()
    directory = Path(tempfile.mkdtemp(prefix="sbd"))
    settings = {**json.loads(blocks("json")[0]), "default-runtime": "runsc"}
    docker = Docker(directory, settings, ("-m", "-n"))
    try:
        shell(docker, blocks("sh")[0])
        yield docker
    finally:
        docker.run("swarm", "leave", "--force", check=False)
        docker.close()
        shutil.rmtree(directory, ignore_errors=True)


def test_services_and_jobs(docker: Docker) -> None:
    begin, rest = blocks("sh")[2].split("docker service logs", 1)
    shell(docker, begin)
    fetch = ["busybox", "wget", "-q", "-O", "-", "http://127.0.0.1:8080/"]
    said: list[str] = []

    def answers() -> bool:
        done = subprocess.run(
            ["nsenter", "-t", str(docker.process.pid), "-n", *fetch], capture_output=True, text=True, timeout=BOUND_S
        )
        said.append(done.stdout.strip())
        return done.returncode == 0

    eventually(answers, "nobody listens at the published port")
    out = shell(docker, "docker service logs" + rest).split()
    release = Path("/proc/sys/kernel/osrelease").read_text().strip()
    assert said[-1] == out[0] != release
    assert out[1:] == ["web", "job", "Node", "left", "the", "swarm."]
    eventually(lambda: not docker.run("ps", "-q").stdout, "containers are left")

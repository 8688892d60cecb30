"""dockerd with `userns-remap`: every container has a user namespace with subordinate ids of the host."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Iterator

import pytest

from tests.e2e.docker.engines import Docker, need_engines
from tests.e2e.docker.test_docker import blocks, shell

pytestmark = pytest.mark.slow
FIRST = 231072
FILES = 'for f in subuid subgid; do mount --bind "$0/$f" /etc/$f; done; exec "$@"'


class Remapped(Docker):
    """The user nobody has subordinate ids in its mount namespace."""

    def _start(self) -> None:
        for name in ("subuid", "subgid"):
            (self.directory / name).write_text(f"nobody:{FIRST}:65536\nnogroup:{FIRST}:65536\n")
        argv = self._argv
        self._argv = ["sh", "-e", "-c", "touch /etc/subuid /etc/subgid; " + FILES, str(self.directory), *argv]
        try:
            super()._start()
        finally:
            self._argv = argv


@pytest.fixture(scope="module")
def docker() -> Iterator[Docker]:
    need_engines()
    directory = Path(tempfile.mkdtemp(prefix="sbd"))
    directory.chmod(0o755)
    docker = Remapped(directory, {**json.loads(blocks("json")[0]), "userns-remap": "nobody:nogroup"})
    try:
        shell(docker, blocks("sh")[0])
        yield docker
    finally:
        docker.close()
        shutil.rmtree(directory, ignore_errors=True)


def test_remapped(docker: Docker, tmp_path: Path) -> None:
    volume = docker.directory / "volume"
    volume.mkdir()
    volume.chmod(0o777)
    script = "id -u; cat /proc/self/uid_map; echo x > /v/file; chown 5:6 /v/file; stat -c %u:%g /v/file /etc"
    words = [
        "run",
        "--rm",
        "--runtime",
        "runsc",
        "--network",
        "none",
        "-v",
        f"{volume}:/v",
        "busybox",
        "sh",
        "-c",
        script,
    ]
    out = docker.run(*words).stdout.split()
    assert out == ["0", "0", str(FIRST), "65536", "5:6", "0:0"]
    made = (volume / "file").stat()
    assert (made.st_uid, made.st_gid) == (FIRST + 5, FIRST + 6)


def test_exec_and_files(docker: Docker) -> None:
    docker.run(
        "run", "-d", "--name", "one", "--runtime", "runsc", "--network", "none", "-u", "7:8", "busybox", "sleep", "1000"
    )
    assert docker.run("exec", "one", "sh", "-c", "id -u; cat /proc/self/gid_map").stdout.split() == [
        "7",
        "0",
        str(FIRST),
        "65536",
    ]
    assert docker.run("exec", "-u", "0", "one", "sh", "-c", "echo x > /made; stat -c %u /made").stdout == "0\n"


def test_joined(docker: Docker) -> None:
    """Who shares a network shares the user namespace."""
    docker.run("run", "-d", "--name", "first", "--runtime", "runsc", "--network", "none", "busybox", "sleep", "1000")
    script = "cat /proc/self/uid_map; touch /x; stat -c %u /x; readlink /proc/self/ns/user"
    words = ["run", "--rm", "--runtime", "runsc", "--network", "container:first", "busybox", "sh", "-c", script]
    *out, namespace = docker.run(*words).stdout.split()
    assert out == ["0", str(FIRST), "65536", "0"]
    assert docker.run("exec", "first", "readlink", "/proc/self/ns/user").stdout.split() == [namespace]

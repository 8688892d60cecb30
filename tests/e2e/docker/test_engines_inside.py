"""dockerd and podman inside a sandbox: the scripts of docs/engines-inside.md, word for word."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.e2e.conftest import BOUND_S, runsc
from tests.e2e.docker.engines import blocks_of, busybox_root, need_engines

pytestmark = pytest.mark.slow
PODMAN = {
    "podman": "podman",
    "crun": "crun",
    "newuidmap": "uidmap",
    "slirp4netns": "slirp4netns",
    "catatonit": "catatonit",
}


def blocks(language: str) -> list[str]:
    return blocks_of("engines-inside.md", language)


def inside(tmp_path: Path, script: str, *flags: str) -> str:
    image = busybox_root(tmp_path)
    path = tmp_path / "script.sh"
    path.write_text(script)
    tmp_path.chmod(0o755)
    volumes = ["--volume", f"{image}:/mnt/image:ro", "--volume", f"{path}:/mnt/script.sh:ro"]
    done = runsc("do", "--cap-add", "ALL", *flags, *volumes, "sh", "/mnt/script.sh", bound_s=4 * BOUND_S)
    assert done.status == 0, done
    return done.out


def test_docker(tmp_path: Path) -> None:
    need_engines()
    assert inside(tmp_path, blocks("sh")[0], "--tmpfs", "/var/lib/docker") == blocks("text")[0]


def test_docker_learns_that_memory_has_run_out(tmp_path: Path) -> None:
    """From memory.events, which it hears of before the end of who was killed."""
    need_engines()
    start = blocks("sh")[0].partition("docker run")[0]
    script = """
for n in 1 2 3; do
    docker run --name first$n -m 32m --network none box tail /dev/zero
    docker run --name child$n -m 32m --network none box sh -c "tail /dev/zero; exit 5"
    docker inspect -f "{{.State.OOMKilled}} {{.State.ExitCode}}" first$n child$n
done
docker run -d --name none --network none box sleep 1000 > /dev/null
docker kill none > /dev/null
docker wait none > /dev/null
docker inspect -f "{{.State.OOMKilled}} {{.State.ExitCode}}" none
"""
    lines = inside(tmp_path, start + script, "--tmpfs", "/var/lib/docker").splitlines()
    assert lines == ["true 137", "true 5"] * 3 + ["false 137"]


@pytest.mark.parametrize("runtime", ["crun", "runc"])
def test_podman_as_an_ordinary_user(tmp_path: Path, runtime: str) -> None:
    need_engines({**PODMAN, "runc": "runc"})
    script = blocks("sh")[2].replace('run="podman ', f'run="podman --runtime {shutil.which(runtime)} ')
    lines = inside(tmp_path, script, "--env", "HOME=/root").splitlines()
    assert lines[0] == "root of its own: 0"
    assert re.fullmatch(r"the same user: 1\d\d\d", lines[1])
    assert lines[2:] == ["a page of a pod"]

"""Options of runc's shims, which clients of containerd send to any runtime: done or refused."""

from __future__ import annotations

import os
import select
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any, Iterator

import pytest

from runsc.shim.protobuf import Fields, any_of, message
from tests.e2e.conftest import BOUND_S
from tests.e2e.docker.engines import Containerd, busybox_root, need_engines
from tests.e2e.docker.test_shim import eventually

pytestmark = pytest.mark.slow
grpc = pytest.importorskip("grpc", reason="grpcio is not installed")
KIND = "containerd.runc.v1.Options"
RUNTIME = "io.containerd.runsc.v1"


@pytest.fixture(scope="module")
def containerd() -> Iterator[Containerd]:
    need_engines()
    directory = Path(tempfile.mkdtemp(prefix="sbo"))
    job = busybox_root(directory) / "bin" / "job"
    job.write_text("#!/bin/sh\necho up\nexec sleep 1000\n")
    job.chmod(0o755)
    containerd = Containerd(directory)
    yield containerd
    containerd.close()
    shutil.rmtree(directory)


class Tasks:
    """containerd's service of that name (api/services/tasks/v1/tasks.proto), for one container."""

    def __init__(self, containerd: Containerd, name: str) -> None:
        self.containerd = containerd
        self.name = name
        made = ("containers", "create", "--runtime", RUNTIME, "--rootfs", str(containerd.directory / "rootfs"))
        done = containerd.run(*made, name, "/bin/job")
        assert done.returncode == 0, done
        self._channel = grpc.insecure_channel(f"unix:{containerd.address}")

    def call(self, method: str, *fields: Any) -> Fields:
        function = self._channel.unary_unary(f"/containerd.services.tasks.v1.Tasks/{method}")
        metadata = (("containerd-namespace", "default"),)
        return Fields(function(message((1, self.name), *fields), timeout=BOUND_S, metadata=metadata))

    def create(self, *options: Any, stdout: str = "") -> int:
        """The process id."""
        return self.call("Create", (5, stdout), (9, any_of(KIND, message(*options)))).number(2)

    def refused(self, *options: Any) -> str:
        with pytest.raises(grpc.RpcError) as error:
            self.create(*options)
        return str(error.value.details())

    def close(self) -> None:
        self._channel.close()
        self.containerd.run("task", "kill", "--signal", "KILL", self.name)
        self.containerd.run("task", "delete", "--force", self.name)
        done = self.containerd.run("containers", "delete", self.name)
        assert done.returncode == 0, done


@pytest.fixture
def tasks(containerd: Containerd) -> Iterator[Tasks]:
    tasks = Tasks(containerd, "box")
    yield tasks
    tasks.close()


def shim_of(pid: int) -> int:
    """The parent of a container's first process."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("PPid:"))


def test_no_pivot(containerd: Containerd) -> None:
    """ctr sends containerd.linux.runc.CreateOptions for it."""
    rootfs = str(containerd.directory / "rootfs")
    done = containerd.run("run", "--rm", "--runtime", RUNTIME, "--no-pivot", "--rootfs", rootfs, "a", "/bin/echo", "up")
    assert (done.returncode, done.stdout) == (0, "up\n"), done


def test_a_root_of_its_own(containerd: Containerd, tasks: Tasks, tmp_path: Path) -> None:
    tasks.create((1, 1), (2, 1), (7, str(tmp_path / "state")))
    assert os.listdir(tmp_path / "state" / "default") == ["box"]
    tasks.call("Start")
    done = containerd.run("task", "exec", "--exec-id", "e", "box", "/bin/echo", "inside")
    assert (done.returncode, done.stdout) == (0, "inside\n"), done
    tasks.call("Kill", (3, 9))
    tasks.call("Wait")
    tasks.call("Delete")
    assert os.listdir(tmp_path / "state" / "default") == []


def test_a_killed_shim_leaves_nothing_in_it(containerd: Containerd, tasks: Tasks, tmp_path: Path) -> None:
    pid = tasks.create((7, str(tmp_path / "state")))
    tasks.call("Start")
    pidfd = os.pidfd_open(pid)
    os.kill(shim_of(pid), 9)
    done = containerd.run("task", "delete", "--force", "box")
    assert select.select([pidfd], [], [], BOUND_S)[0], done
    os.close(pidfd)
    eventually(lambda: os.listdir(tmp_path / "state" / "default") == [], "something is left")


def test_whose_the_pipes_are(tasks: Tasks, tmp_path: Path) -> None:
    fifo = tmp_path / "out"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    tasks.create((4, 1234), (5, 1235), stdout=str(fifo))
    os.set_blocking(reader, True)
    tasks.call("Start")
    assert os.read(reader, 100) == b"up\n"
    os.close(reader)
    found = fifo.stat()
    assert (found.st_uid, found.st_gid, stat.S_ISFIFO(found.st_mode)) == (1234, 1235, True)


def test_the_shim_s_group(containerd: Containerd) -> None:
    name = f"/stackbox-shim-{os.getpid()}"
    version_1 = Path("/sys/fs/cgroup/pids")
    group = Path(f"{version_1 if version_1.is_dir() else version_1.parent}{name}")
    tasks = Tasks(containerd, "grouped")
    try:
        assert f"{name}: there is no such control group" in tasks.refused((3, name))
        group.mkdir()
        shim = shim_of(tasks.create((3, name)))
        assert str(shim) in (group / "cgroup.procs").read_text().split()
    finally:
        tasks.close()
        eventually(lambda: not (group / "cgroup.procs").read_text(), "somebody is left in it")
        group.rmdir()


def test_what_cannot_be_had(tasks: Tasks) -> None:
    assert "option binary_name: /usr/bin/other: the shim runs its own runtime" in tasks.refused((6, "/usr/bin/other"))
    assert "option criu_work_path is CRIU's" in tasks.refused((11, "/work"))
    assert "option root: here: not a path from the root" in tasks.refused((7, "here"))
    assert "--systemd-cgroup is not supported" in tasks.refused((9, 1))

"""containerd with a shim of our own. The quick start of docs/containerd.md is run word for word."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Iterator

import pytest

from tests.e2e.conftest import BOUND_S, ROOT
from tests.e2e.containers import talk
from tests.e2e.docker.cri import image
from tests.e2e.docker.engines import Containerd, busybox_root, need_engines

pytestmark = pytest.mark.slow
PAGE = (ROOT / "docs" / "containerd.md").read_text()
RUNTIME = ("--runtime", "io.containerd.runsc.v1", "--env", "PATH=/bin")  # ctr gives none where there is no image


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    need_engines()
    directory = Path(tempfile.mkdtemp(prefix="sbs"))
    busybox_root(directory)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def containerd(directory: Path) -> Iterator[Containerd]:
    """When a test is over nothing is left of its containers, in the runtime's root and among the processes."""
    containerd = Containerd(directory)
    yield containerd
    for name in tasks(containerd):
        containerd.run("task", "kill", "--signal", "KILL", name)
        containerd.run("task", "delete", "--force", name)
    eventually(lambda: not shims(directory), "a shim is left")
    root = directory / "runsc" / "default"
    assert not root.exists() or os.listdir(root) == []
    containerd.close()


def tasks(containerd: Containerd) -> list[str]:
    return [line.split()[0] for line in containerd.run("task", "list").stdout.splitlines()[1:]]


def shims(directory: Path) -> list[int]:
    """Process ids: shims serve this containerd."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                words = Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"runsc.shim" in words and os.fsencode(str(directory / "containerd.sock")) in words:
                found.append(int(entry))
    return found


def eventually(condition: object, what: str) -> None:
    deadline = time.monotonic() + BOUND_S
    assert callable(condition)
    while not condition():
        assert time.monotonic() < deadline, what


def run(containerd: Containerd, name: str, *words: str, flags: tuple[str, ...] = ("--rm",), stdin: str = "") -> str:
    rootfs = str(containerd.directory / "rootfs")
    done = containerd.run("run", *RUNTIME, *flags, "--rootfs", rootfs, name, *words, stdin=stdin)
    assert done.returncode == 0, done
    return done.stdout


def test_the_quick_start(containerd: Containerd) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    environment = {**os.environ, "CONTAINERD_ADDRESS": containerd.address}
    done = subprocess.run(
        ["sh", "-e", "-c", blocks[0]], cwd=containerd.directory, env=environment, capture_output=True, text=True,
        timeout=4 * BOUND_S,
    )  # fmt: skip
    assert done.returncode == 0, done
    assert done.stdout.splitlines()[0] == "6.6.0" and "inside" in done.stdout, done


def test_status_output_and_input(containerd: Containerd) -> None:
    rootfs = str(containerd.directory / "rootfs")
    done = containerd.run("run", *RUNTIME, "--rm", "--rootfs", rootfs, "a", "sh", "-c", "echo o; echo e >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "o\n", "e\n")
    assert run(containerd, "b", "cat", stdin="x" * 100_000) == "x" * 100_000
    done = containerd.run("run", *RUNTIME, "--rm", "--rootfs", rootfs, "c", "/none")
    assert done.returncode == 1 and "/none: no such file" in done.stderr, done


def test_a_terminal(containerd: Containerd) -> None:
    rootfs = str(containerd.directory / "rootfs")
    argv = ["ctr", "--address", containerd.address, "run", *RUNTIME, "--rm", "-t", "--rootfs", rootfs, "t"]
    out, status = talk([*argv, "sh", "-c", "tty; echo rea''dy; read x; echo got $x; exit 3"], b"ready", b"word\n")
    assert b"/dev/pts/0" in out and b"got word" in out and status == 3, out


def test_tasks(containerd: Containerd) -> None:
    run(containerd, "t", "sh", "-c", "echo ready; sleep 1000", flags=("--detach",))
    done = containerd.run("task", "exec", "--exec-id", "e", "t", "sh", "-c", "echo inside; exit 5")
    assert (done.returncode, done.stdout) == (5, "inside\n"), done
    done = containerd.run("task", "exec", "--exec-id", "f", "t", "/none")
    assert done.returncode == 1 and "/none" in done.stderr, done
    assert containerd.run("task", "pause", "t").returncode == 0
    assert "PAUSED" in containerd.run("task", "list").stdout
    assert containerd.run("task", "resume", "t").returncode == 0
    assert len(containerd.run("task", "ps", "t").stdout.splitlines()) >= 2
    assert "pids.current" in containerd.run("task", "metrics", "t").stdout
    assert containerd.run("task", "kill", "--signal", "KILL", "t").returncode == 0
    done = containerd.run("task", "delete", "--force", "t")
    assert done.returncode == 0 and "exit code 137" in done.stderr, done
    assert containerd.run("container", "delete", "t").returncode == 0


def test_containerd_restarts(containerd: Containerd) -> None:
    run(
        containerd,
        "r",
        "sh",
        "-c",
        "trap 'exit 4' USR1; echo ready; while :; do sleep 1000 & wait; done",
        flags=("--detach",),
    )
    os.kill(containerd.process.pid, signal.SIGKILL)
    containerd.process.wait()
    containerd.start_again()
    assert "RUNNING" in containerd.run("task", "list").stdout
    assert containerd.run("task", "exec", "--exec-id", "e", "r", "echo", "still").stdout == "still\n"
    assert containerd.run("task", "kill", "--signal", "SIGUSR1", "r").returncode == 0
    eventually(lambda: "STOPPED" in containerd.run("task", "list").stdout, "its end is not seen")
    assert "exit code 4" in containerd.run("task", "delete", "r").stderr
    assert containerd.run("container", "delete", "r").returncode == 0


def test_a_shim_that_is_killed_leaves_nothing(containerd: Containerd) -> None:
    run(containerd, "k", "sh", "-c", "echo ready; sleep 1000", flags=("--detach",))
    root = containerd.directory / "runsc" / "default"
    assert os.listdir(root) == ["k"]
    for pid in shims(containerd.directory):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    eventually(lambda: os.listdir(root) == [], "the runtime keeps it")
    containerd.run("task", "delete", "--force", "k")
    assert containerd.run("container", "delete", "k").returncode == 0


def test_why_a_sandbox_failed_is_in_containerds_log(containerd: Containerd) -> None:
    """The container's own log goes with its bundle."""
    run(containerd, "w", "sh", "-c", "echo ready; sleep 1000", flags=("--detach",))
    bundle = containerd.directory / "state" / "io.containerd.runtime.v2.task" / "default" / "w"
    with (bundle / "log.json").open("a") as log:
        log.write('{"level":"error","msg":"the sandbox\'s kernel failed: for a test"}\n')
    assert containerd.run("task", "kill", "--signal", "KILL", "w").returncode == 0
    told = 'level=error msg="the sandbox\'s kernel failed: for a test" id="w" runtime=runsc'
    eventually(lambda: told in containerd.log.read_text(), "it is not told")
    containerd.run("task", "delete", "--force", "w")
    assert containerd.run("container", "delete", "w").returncode == 0


def test_cve_2020_15257_no_abstract_socket(containerd: Containerd) -> None:
    """Whoever shares the host's network namespace could connect to a name that is no file."""
    run(containerd, "a", "sh", "-c", "echo ready; sleep 1000", flags=("--detach",))
    inodes: set[str] = set()
    for pid in shims(containerd.directory):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                inodes.add(os.readlink(f"/proc/{pid}/fd/{fd}").removeprefix("socket:[").removesuffix("]"))
    rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    names = {row[7] for row in rows if row[6] in inodes and len(row) == 8}
    assert any("/s/" in name for name in names) and not any(name.startswith("@") for name in names), names
    assert containerd.run("task", "kill", "--signal", "KILL", "a").returncode == 0
    containerd.run("task", "delete", "--force", "a")
    assert containerd.run("container", "delete", "a").returncode == 0


def test_options(containerd: Containerd) -> None:
    file = containerd.directory / "runsc.toml"
    file.write_text('[runsc]\nnetwork = "none"\noverlay = true\n')
    assert run(
        containerd, "o", "sh", "-c", "touch /new && echo made", flags=("--rm", "--runtime-config-path", str(file))
    )
    assert not (containerd.directory / "rootfs" / "new").exists()
    file.write_text("[runsc]\nnothing = 1\n")
    rootfs = str(containerd.directory / "rootfs")
    done = containerd.run("run", *RUNTIME, "--rm", "--runtime-config-path", str(file), "--rootfs", rootfs, "p", "true")
    assert done.returncode == 1 and "runsc.nothing: no such setting" in done.stderr, done
    containerd.run("container", "delete", "p")


def test_a_checkpoint_goes_on_as_another_container(containerd: Containerd) -> None:
    """ctr pauses the first for it, which goes on afterwards."""
    image(containerd.directory / "rootfs", containerd.directory / "image.tar")
    done = containerd.run("images", "import", "--snapshotter", "native", str(containerd.directory / "image.tar"))
    assert done.returncode == 0, done
    name = containerd.run("images", "ls", "-q").stdout.split()[0]
    count = "i=0; while :; do i=$((i+1)); echo $i > /n; sleep 0.1; done"
    flags = ("--snapshotter", "native", "--detach")
    done = containerd.run("run", *RUNTIME, *flags, name, "one", "/bin/sh", "-c", count)
    assert done.returncode == 0, done

    def number(name: str) -> int:
        return int(
            containerd.run("task", "exec", "--exec-id", f"e{time.monotonic_ns()}", name, "/bin/cat", "/n").stdout or 0
        )

    def end(name: str) -> None:
        assert containerd.run("task", "kill", "--signal", "KILL", name).returncode == 0
        eventually(lambda: "STOPPED" in state_of(containerd, name), "it runs on")
        containerd.run("task", "delete", name)
        containerd.run("container", "delete", name)

    eventually(lambda: number("one") > 3, "it does not count")
    done = containerd.run("containers", "checkpoint", "--task", "--rw", "--image", "one", "saved:1")
    assert done.returncode == 0, done
    was = number("one")
    eventually(lambda: number("one") > was, "it does not go on")
    done = containerd.run("containers", "restore", "--rw", "--live", "early", "saved:1")
    assert done.returncode == 1 and "is not empty" in done.stderr  # both have the control group that the image names
    containerd.run("task", "delete", "--force", "early")
    containerd.run("container", "delete", "early")
    end("one")
    done = containerd.run("containers", "restore", "--rw", "--live", "two", "saved:1")
    assert done.returncode == 0, done
    assert number("two") > 3  # it has not begun anew
    eventually(lambda: number("two") > was, "it does not go on")
    end("two")


def state_of(containerd: Containerd, name: str) -> str:
    lines = containerd.run("task", "list").stdout.splitlines()
    return next((line for line in lines if line.split()[0] == name), "STOPPED")

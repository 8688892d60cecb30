"""A dockerd and a containerd of the test's own, in a mount namespace where /usr/local/bin holds runsc and nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.bundles import BUSYBOX, libraries
from tests.e2e.conftest import BOUND_S, ROOT, command

PACKAGES = {"dockerd": "docker.io", "docker": "docker.io", "ctr": "containerd", "busybox": "busybox-static"}
# In place of the files that a machine's own daemon would have: nothing of that one is touched.
IN_A_MOUNT_NAMESPACE = """
mount --make-rprivate / && mount -t tmpfs none /usr/local/bin && cp "$1" /usr/local/bin/runsc &&
cp "$2" /usr/local/bin/containerd-shim-runsc-v1 && shift 2 && exec "$@"
"""
START_S = 60


def need_engines(more: dict[str, str] | None = None) -> None:
    """Debian's packages, `more` by program; a skip on a machine that is not the continuous integration's."""
    wanted = PACKAGES | (more or {})
    lacking = {package for program, package in wanted.items() if shutil.which(program) is None}
    if libraries(BUSYBOX):  # another package of that name: it would not run by itself
        lacking.add(PACKAGES["busybox"])
    missing = sorted(lacking)
    why = ""
    if os.geteuid() != 0:
        why = "engines need root"
    elif missing and shutil.which("apt-get") is None:
        why = f"no apt-get to install {', '.join(missing)} with"
    elif missing:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update", "-q"], ["install", "-y", "-q", "--no-install-recommends", *missing]):
            done = subprocess.run(["apt-get", *words], env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            why = f"apt-get install {' '.join(missing)}: {done.stderr.strip()[-300:]}"
    if why and os.environ.get("CI") == "true":
        pytest.fail(why)
    if why:
        pytest.skip(why)


def blocks_of(page: str, language: str) -> list[str]:
    """The fenced blocks of a page of docs/, in order."""
    text = (ROOT / "docs" / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


class Daemon:
    """A server with everything it keeps below `directory`."""

    def __init__(
        self, directory: Path, name: str, argv: list[str], answers: list[str], space: tuple[str, ...] = ("-m",)
    ) -> None:
        self.directory = directory
        self._answers = answers
        self._space = space
        self._argv = argv
        runsc = directory / "runsc.sh"
        words = " ".join(f"'{word}'" for word in command())
        runsc.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {words} "$@"\n')
        runsc.chmod(0o755)
        shim = directory / "shim.sh"
        shim.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m runsc.shim "$@"\n')
        shim.chmod(0o755)
        self.log = directory / f"{name}.log"
        self._scripts = [str(runsc), str(shim)]
        self._start()

    def start_again(self) -> None:
        """After it was killed."""
        self._start()

    def _start(self) -> None:
        """In namespaces of its own."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["unshare", *self._space, "sh", "-c", IN_A_MOUNT_NAMESPACE, "sh", *self._scripts, *self._argv],
                stdin=subprocess.DEVNULL,
                env={**os.environ, "RUNSC_ROOT": str(self.directory / "runsc")},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_S
        while subprocess.run(self._answers, capture_output=True, check=False, timeout=BOUND_S).returncode:
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()

    def close(self) -> None:
        """As a service manager ends it."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(BOUND_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise


def with_loopback(argv: list[str], space: tuple[str, ...]) -> list[str]:
    """A new network namespace gets one."""
    return ["sh", "-c", 'ip link set lo up && exec "$@"', "sh", *argv] if "-n" in space else argv


class Docker(Daemon):
    """dockerd with the configuration `settings` (docs/docker.md) and the image `busybox`."""

    def __init__(self, directory: Path, settings: dict[str, object], space: tuple[str, ...] = ("-m",)) -> None:
        self.host = f"unix://{directory}/docker.sock"
        file = directory / "daemon.json"
        file.write_text(json.dumps(settings))
        argv = ["dockerd", "--config-file", str(file), "--data-root", str(directory / "data")]
        argv += ["--exec-root", str(directory / "exec"), "--pidfile", str(directory / "pid"), "-H", self.host]
        argv += ["--iptables=false", "--storage-driver=vfs"]
        argv += (
            [] if "-n" in space else ["--bridge=none", "--ip-forward=false"]
        )  # the machine's network is not to be touched
        super().__init__(
            directory, "dockerd", with_loopback(argv, space), ["docker", "-H", self.host, "version"], space
        )

    def run(self, *words: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """One docker command."""
        done = subprocess.run(
            ["docker", "-H", self.host, *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=BOUND_S,
            check=False,
        )
        assert not check or done.returncode == 0, done
        return done

    def leftovers(self) -> list[str]:
        """What the runtime still keeps."""
        root = self.directory / "exec" / "runtime-runc" / "moby"
        return os.listdir(root) if root.exists() else []

    def close(self) -> None:
        found = self.run("ps", "-aq").stdout.split()
        if found:
            self.run("rm", "-f", *found)
        super().close()


class Containerd(Daemon):
    """containerd alone; without CRI unless the settings say otherwise."""

    def __init__(
        self,
        directory: Path,
        settings: str = 'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n',
        space: tuple[str, ...] = ("-m",),
    ) -> None:
        self.address = str(directory / "containerd.sock")
        file = directory / "config.toml"
        head = f'version = 2\nroot = "{directory}/root"\nstate = "{directory}/state"\n'
        file.write_text(f'{head}{settings}[grpc]\n  address = "{self.address}"\n')
        argv = with_loopback(["containerd", "-c", str(file)], space)
        super().__init__(directory, "containerd", argv, self._ctr("version"), space)

    def _ctr(self, *words: str) -> list[str]:
        return ["ctr", "--address", self.address, *words]

    def run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """One ctr command."""
        return subprocess.run(
            self._ctr(*words), input=stdin, capture_output=True, text=True, timeout=BOUND_S, check=False
        )


def busybox_root(directory: Path) -> Path:
    """A root directory of Debian's static busybox."""
    programs = directory / "rootfs" / "bin"
    programs.mkdir(parents=True)
    source = shutil.which("busybox", path="/usr/bin:/bin") or ""
    shutil.copy(source, programs / "busybox")
    for name in subprocess.run([source, "--list"], capture_output=True, text=True, check=True).stdout.split():
        if name != "busybox":
            (programs / name).symlink_to("busybox")
    for name in ("etc", "tmp", "root"):
        (directory / "rootfs" / name).mkdir()
    return directory / "rootfs"

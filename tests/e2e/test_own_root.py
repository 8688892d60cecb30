"""The root of the sentry: what code of a guest's choosing would find there, had it taken the sentry over."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.bundles import needs_busybox
from tests.e2e.conftest import BOUND_S, ROOT
from tests.e2e.containers import Shim
from tests.e2e.test_bad_input import needs_root
from tests.e2e.test_pod import further, shim
from tests.e2e.test_runtime_spec import BASE

__all__ = ["shim"]  # the pod of test_pod

pytestmark = pytest.mark.interpreted  # what is compiled calls itself, not what takes its place
# Imports what a sentry may import, in the same place.
LATE = r"""
import importlib, pkgutil, sandbox, tcpip

def attack(needed):
    give_up(needed)
    imported, failed = 0, []
    for package in (sandbox, tcpip):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if module.name.startswith(("tcpip.cli", "tcpip.__main__", "tcpip.adapters", "sandbox.platform.")):
                continue  # other programs' than a sentry's, and what is imported when it starts
            try:
                importlib.import_module(module.name)
                imported += 1
            except BaseException as error:
                failed.append(f"{module.name}: {error}")
    os.write(2, json.dumps([imported, failed]).encode())
    os._exit(0)

give_up, confine.drop_privileges = confine.drop_privileges, attack
from runsc.__main__ import run
run()
"""
# Runs inside a real sentry, right when it is confined, in the place of its first program.
TAKEN_OVER = r"""
import json, os, stat, sys
from sandbox.boot import confine

def attempt(call, *args, **more):
    try:
        return call(*args, **more)
    except OSError as error:
        return -error.errno

def climb(fd):
    at = os.open("../" * 40, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
    try:
        return sorted(os.listdir(at))
    finally:
        os.close(at)

def open_directories():
    for fd in range(3, 1000):
        try:
            if stat.S_ISDIR(os.fstat(fd).st_mode):
                yield fd, os.readlink(f"/proc/self/fd/{fd}")
        except OSError:
            pass

def attack(needed):
    give_up(needed)
    top = os.listdir("/")
    given = {place: fd for fd, place in open_directories() if place.startswith("/given/")}
    found = {
        "root": sorted(top),
        "fds": {place: climb(fd) for fd, place in open_directories()},
        "secrets": [attempt(os.open, path, os.O_RDONLY) for path in
                    ("/etc/passwd", "/proc/1/root/etc/passwd", "/proc/1/cwd/etc/passwd", "/given/../etc/passwd")],
        "interpreter": attempt(os.open, "/proc/self/exe", os.O_RDWR),
        "libraries": [attempt(os.open, f"/proc/self/map_files/{name}", os.O_RDWR)
                      for name in os.listdir("/proc/self/map_files")],
        "write": attempt(os.open, "/new", os.O_CREAT | os.O_WRONLY),
        "code": attempt(os.open, os.path.dirname(os.__file__) + "/new.py", os.O_CREAT | os.O_WRONLY),
        "given": {place: type(attempt(os.open, "new", os.O_CREAT | os.O_WRONLY, dir_fd=fd)) is int and
                  attempt(os.open, "new", os.O_CREAT | os.O_WRONLY, dir_fd=fd) for place, fd in given.items()},
        "kernel": [os.listdir(at) for at in ("/given/0/proc", "/given/0/sys") if os.path.isdir(at)],
    }
    os.write(2, json.dumps(found).encode())
    os.chroot("/given")  # a call that is not on the list
    os._exit(0)

give_up, confine.drop_privileges = confine.drop_privileges, attack
from runsc.__main__ import run
run()
"""


def taken_over(*words: str, **more: Any) -> dict[str, Any]:
    """What it finds in a sandbox of these words."""
    done = subprocess.run(
        [more.pop("python", sys.executable), "-B", "-c", TAKEN_OVER, *words],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": str(ROOT)},
        timeout=BOUND_S,
        **more,
    )
    found, _, end = done.stderr.partition("runsc: ")
    assert end == f"the sandbox's kernel was killed by signal {signal.SIGSYS:d}\n", done
    result: dict[str, Any] = json.loads(found)
    return result


def check(found: dict[str, Any], writable: str) -> None:
    """Nothing but what was given, in all of which only `writable` can be written."""
    tops = {Path(place).parts[1] for place in (os.path.dirname(os.__file__), str(ROOT), "/usr/lib")}
    assert {"empty", "given", "proc", "dev"} <= set(found["root"]) <= {"empty", "given", "proc", "dev"} | tops
    assert len(found["fds"]) >= 4, found  # the root, two volumes, the procfs
    assert all(listing == found["root"] for listing in found["fds"].values()), found
    assert found["secrets"] == [-errno.ENOENT] * 4
    assert found["interpreter"] in (-errno.ETXTBSY, -errno.EACCES)
    assert found["libraries"] and set(found["libraries"]) <= {-errno.EPERM, -errno.EACCES}
    assert (found["write"], found["code"]) == (-errno.EROFS, -errno.EROFS)
    assert all(got == -errno.EROFS for place, got in found["given"].items() if place != writable), found
    assert found["given"][writable] > 0
    assert found["kernel"] == [[], []]


def test_a_sentry_that_was_taken_over(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    volumes = (f"--volume={tmp_path}/a:/mnt:ro", f"--volume={tmp_path}/b:/srv")
    for platform in ("auto", "ptrace"):
        (tmp_path / "b" / "new").unlink(missing_ok=True)
        check(taken_over("--platform", platform, "do", *volumes, "/bin/true", cwd=tmp_path), "/given/2")
        assert os.listdir(tmp_path / "b") == ["new"] and not os.listdir(tmp_path / "a")


@needs_root
def test_one_of_an_ordinary_user() -> None:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        os.chmod(name, 0o755)
        for volume in ("a", "b"):
            os.mkdir(f"{name}/{volume}")
            os.chown(f"{name}/{volume}", 65534, 65534)
        user = {"user": 65534, "group": 65534, "extra_groups": ()}
        volumes = (f"--volume={name}/a:/mnt:ro", f"--volume={name}/b:/srv")
        check(taken_over("do", *volumes, "/bin/true", cwd="/", python="/usr/bin/python3", **user), "/given/2")


@needs_root
@needs_busybox
def test_a_pod(shim: Shim, tmp_path: Path) -> None:
    """Descriptors of a container that comes later cannot be climbed out of either, and see what the host mounts."""
    (tmp_path / "volume").mkdir()
    mount = {"destination": "/mnt", "type": "bind", "source": str(tmp_path / "volume"), "options": ["rbind"]}
    further(shim, "one", "sh", "-c", "echo ready; sleep 1000; true", mounts=[*BASE, mount])
    shim.says("one", "ready")
    sentry = shim.sentries[0]
    code = {Path(place).parts[1] for place in (os.path.dirname(os.__file__), str(ROOT))}
    own = sorted({"dev", "empty", "given", "proc"} | code)
    found = {}
    for entry in os.listdir(f"/proc/{sentry}/fd"):
        path = f"/proc/{sentry}/fd/{entry}"
        if os.path.isdir(path):
            found[os.readlink(path)] = sorted(os.listdir(f"{path}/" + "../" * 40))
    root = sorted(
        os.listdir(f"/proc/{sentry}/root/given/0")
    )  # the container's lies over the sentry's own, for who enters
    assert all(listing in (own, root) for listing in found.values()), found
    assert [listing for listing in found.values()].count(root) >= 2, found


def test_a_directory_that_is_replaced_meanwhile(tmp_path: Path) -> None:
    """Between its opening and the end of the start it is looked for by its name: what is another one is not given."""
    (tmp_path / "given").mkdir()
    swap = """
import os, sys
from sandbox.boot import options
def swapped(self, note=options.SandboxOptions.note_places):
    note(self)
    os.rename("given", "old")
    os.mkdir("given")
options.SandboxOptions.note_places = swapped
from runsc.__main__ import run
run()
"""
    words = [sys.executable, "-c", swap, "do", f"--volume={tmp_path}/given:/mnt", "/bin/true"]
    done = subprocess.run(
        words, capture_output=True, text=True, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, timeout=BOUND_S
    )
    line = f"{tmp_path}/given is not there any more: it was replaced, or something was mounted over it"
    assert (done.returncode, done.stderr) == (125, f"runsc: {line}\n")


def test_every_module_can_be_imported_late() -> None:
    """Of a sentry's code nothing needs a library, or a package of others, that is not loaded or in its root."""
    script = TAKEN_OVER.partition("def attempt")[0] + LATE
    done = subprocess.run(
        [sys.executable, "-B", "-c", script, "do", "/bin/true"],
        capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}, timeout=BOUND_S,
    )  # fmt: skip
    found, _, end = done.stderr.partition("runsc: ")
    assert end == "the sandbox's kernel ended unexpectedly (status 0)\n", done
    imported, failed = json.loads(found)
    assert imported > 500 and not failed


def test_modules_that_have_no_bytecode_are_imported_late(tmp_path: Path) -> None:
    """Python would make a directory for it, which a confined sentry is killed for."""
    for name in ("tcpip", "sandbox", "runsc", "stackbox"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": "1"}
    program = "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW); print('made')"
    words = [sys.executable, "-m", "runsc", "do", "/usr/bin/python3", "-c", program]
    done = subprocess.run(words, env=environment, cwd="/", capture_output=True, text=True, timeout=BOUND_S)
    assert (done.returncode, done.stdout) == (0, "made\n"), done.stderr
    assert not (tmp_path / "sandbox" / "sockets" / "packet" / "__pycache__").exists()

"""What `make build` makes: one file that runs, and a wheel that needs nothing else of ours."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.e2e.conftest import BOUND_S, ROOT
from tools.build_executable import build_executable
from tools.build_wheel import build_wheel

pytestmark = pytest.mark.interpreted  # what is built comes from the sources


@pytest.fixture(scope="module")
def executable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_executable(tmp_path_factory.mktemp("bin") / "runsc")


def call(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, words)], capture_output=True, text=True, cwd="/", timeout=BOUND_S)


def test_the_executable_needs_no_checkout(executable: Path) -> None:
    done = call(executable, "do", "/bin/sh", "-c", "echo hi; exit 3")
    assert (done.returncode, done.stdout, done.stderr) == (3, "hi\n", ""), done


@pytest.mark.parametrize("name", ["./runsc", "../bin/./runsc", "runsc"])
def test_it_may_be_called_by_any_name(executable: Path, tmp_path: Path, name: str) -> None:
    """The archive's name is what the interpreter was given, dots and all."""
    place = tmp_path / "bin"
    place.mkdir()
    (place / "runsc").symlink_to(executable)
    path = f"{place}:{os.environ['PATH']}"
    words = ["sh", "-c", f"PATH={path} exec {name} do /bin/echo hi"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=place, timeout=BOUND_S)
    assert (done.returncode, done.stdout, done.stderr) == (0, "hi\n", ""), done


def test_it_works_from_source_for_another_python(executable: Path, tmp_path: Path) -> None:
    """Byte code with another magic number is not used."""
    magic = importlib.util.MAGIC_NUMBER.hex().encode()
    data = executable.read_bytes()
    assert data[:2000].count(magic) == 1
    other = tmp_path / "runsc"
    other.write_bytes(data.replace(magic, b"0" * 8, 1))
    other.chmod(0o755)
    assert call(other, "version").stdout.startswith("runsc version ")
    assert call(other, "do", "/bin/echo", "hi").stdout == "hi\n"


def test_it_is_an_archive_that_python_runs(executable: Path) -> None:
    assert call(sys.executable, executable, "version").stdout.startswith("runsc version ")
    with zipfile.ZipFile(executable) as archive:
        assert archive.testzip() is None
        assert archive.read("runsc/cli.py") == (ROOT / "runsc" / "cli.py").read_bytes()


def test_a_builders_python_that_is_not_there_is_not_needed(executable: Path, tmp_path: Path) -> None:
    head, _, rest = executable.read_bytes().partition(b"[ -x $p ]")
    start = head.index(b"p=") + 2
    other = tmp_path / "runsc"
    other.write_bytes(head[:start] + b"/".ljust(len(head) - start - 1, b"x") + b";[ -x $p ]" + rest)
    other.chmod(0o755)
    assert call(other, "version").stdout.startswith("runsc version ")


def test_it_lists_its_system_calls(executable: Path) -> None:
    import json

    rows = json.loads(call(executable, "syscalls", "--format=json").stdout)
    assert [row["name"] for row in rows[:2]] == ["read", "write"] and len(rows) > 400
    assert all(row["note"] for row in rows if row["support"] != "full")
    table = call(executable, "syscalls").stdout.splitlines()
    assert table[1].split()[:3] == ["0", "read", "full"]


# One call of each number, with nonsense, each in a process of its own.
EVERY_CALL = r"""
import ctypes, os
syscall = ctypes.CDLL(None).syscall
for number in set(range(470)) - {15, 34, 56, 57, 58, 60, 130, 231}:  # those that end, wait, or make another process
    child = os.fork()
    if not child:
        syscall(number, *[ctypes.c_long(-1)] * 6)
        os._exit(0)
    os.waitpid(child, 0)
print("made")
"""


def test_modules_of_calls_come_late_from_the_executable_itself(executable: Path) -> None:
    done = call(executable, "--debug", "do", "python3", "-I", "-S", "-c", EVERY_CALL)
    assert done.stdout == "made\n", done.stderr
    assert "oops" not in done.stderr and "Error" not in done.stderr, done.stderr


@pytest.mark.slow
def test_the_netstacks_wheel_stands_alone(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path)
    venv = tmp_path / "venv"
    call(sys.executable, "-m", "venv", venv)
    done = call(venv / "bin" / "pip", "install", "--no-deps", "--no-index", wheel)
    assert done.returncode == 0, done.stderr
    code = (
        "import importlib.util as u, tcpip.stack.stack, tcpip.adapters\n"
        f"print(tcpip.stack.stack.__file__.startswith({os.fspath(venv)!r}), u.find_spec('sandbox'), u.find_spec('runsc'))"
    )
    assert call(venv / "bin" / "python", "-I", "-c", code).stdout == "True None None\n"
    assert call(venv / "bin" / "tcpip", "--help").returncode == 0

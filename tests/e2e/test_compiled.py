"""The compiled modules (tools/build_compiled.py): they build, they are what runs, and guests cannot tell.

The first run compiles, which takes minutes; `make test COMPILED=1` runs everything else on what it made.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Iterator

import pytest

from tests.e2e.conftest import BOUND_S, ROOT
from tools.build_compiled import EVERYTHING, NETSTACK, SUFFIX, build_compiled, compiled_environ, module_name
from tools.build_executable import build_executable
from tools.build_wheel import build_wheel

pytestmark = [pytest.mark.slow, pytest.mark.interpreted]
NOBODY = 65534
LOOPBACK = """
import tcpip.seqnum
from tcpip.addr import IPV4_ANY, SockAddr
from tcpip.clock import MonotonicClock
from tcpip.errors import NetworkError
from tcpip.sockopt import SOCK_STREAM
from tcpip.stack.stack import Stack

stack = Stack(MonotonicClock())
listener, client = stack.new_endpoint(2, SOCK_STREAM), stack.new_endpoint(2, SOCK_STREAM)
listener.bind(SockAddr(IPV4_ANY, 80))
listener.listen(1)
try:
    client.connect(SockAddr(IPV4_ANY, 80))
except NetworkError:
    pass
stack.flush()
server = listener.accept()
client.send(b"hello")
stack.flush()
buffer = bytearray(9)
print(server.recv_into(memoryview(buffer)), buffer[:5].decode(), tcpip.seqnum.__file__)
"""


@pytest.fixture(scope="module")
def tree() -> Path:
    return build_compiled(EVERYTHING)


def call(*words: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, words)], capture_output=True, text=True, cwd="/", timeout=BOUND_S, **options)  # type: ignore[call-overload,no-any-return]


def test_every_module_of_the_list_is_compiled(tree: Path) -> None:
    names = [module_name(path) for path in EVERYTHING.modules()]
    assert len(names) > 300
    code = "import importlib, sys\nfor name in sys.argv[1:]: print(importlib.import_module(name).__file__)"
    files = call(sys.executable, "-c", code, *names, env=compiled_environ(tree)).stdout.split()
    assert files == [str(tree / (name.replace(".", "/") + SUFFIX)) for name in names]


def test_it_says_what_it_is(tree: Path) -> None:
    words = (sys.executable, "-m", "runsc", "version")
    assert "build: compiled" in call(*words, env=compiled_environ(tree)).stdout
    assert "build: interpreted" in call(*words, env=compiled_environ(ROOT)).stdout


def test_an_interpreted_class_can_stand_in_at_a_seam(tree: Path) -> None:
    code = (
        "from tcpip.clock import Clock\nfrom tcpip.stack.stack import Stack\n"
        "class Mine(Clock):\n    def now_ns(self): return 7\n    def realtime_ns(self): return 8\n"
        "print(Stack(Mine()).clock.now_ns())"
    )
    assert call(sys.executable, "-c", code, env=compiled_environ(tree)).stdout == "7\n"


@pytest.mark.parametrize(
    "label",
    [
        "//tests/guest:differential_test",
        "tests/integration/platform",
        "tests/unit/tcpip/transport",
        "tests/unit/sandbox/kernel",
    ],
)
def test_the_suite_runs_on_it(tree: Path, label: str) -> None:
    words = [sys.executable, "-m", "tools.run_tests", "--compiled", "test", label, "--", "-m", "not slow and not soak and not interpreted"]  # fmt: skip
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]


def test_the_netstacks_wheel_stands_alone_compiled(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, compiled=True)
    venv = tmp_path / "venv"
    call(sys.executable, "-m", "venv", venv)
    done = call(venv / "bin" / "pip", "install", "--no-deps", "--no-index", wheel)
    assert done.returncode == 0, done.stderr
    done = call(venv / "bin" / "python", "-I", "-c", LOOPBACK)
    size, text, file = done.stdout.split()
    assert (size, text) == ("5", "hello") and file.startswith(str(venv)) and file.endswith(SUFFIX)
    assert NETSTACK.library != EVERYTHING.library
    assert call(venv / "bin" / "tcpip", "--help").returncode == 0


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that everybody can look into, which pytest's are not."""
    with tempfile.TemporaryDirectory(prefix="stackbox-compiled-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


class User:
    """An ordinary user with an empty home, who runs the executable with the Python that it finds."""

    def __init__(self, executable: Path, home: Path) -> None:
        self.executable = executable
        home.mkdir(mode=0o755)
        os.chown(home, NOBODY, NOBODY)
        self.cache = home / ".cache" / "stackbox"
        self.environ = {"PATH": "/usr/bin:/bin", "HOME": str(home)}

    def run(self, *words: str) -> str:
        ids = {"user": NOBODY, "group": NOBODY, "extra_groups": ()}
        done = call(self.executable, *words, env=self.environ, **ids)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def user(tree: Path, public: Path) -> User:
    if os.geteuid() != 0:
        pytest.skip("becomes an ordinary user")
    if call("/usr/bin/python3", "-c", "import _imp; print(_imp.extension_suffixes()[0])").stdout.strip() != SUFFIX:
        pytest.skip("the system's Python is another version than the one that built")
    return User(build_executable(public / "runsc", compiled=True), public / "home")


def test_the_executable_unpacks_its_library_once(user: User) -> None:
    assert "build: compiled" in user.run("version")
    (library,) = user.cache.iterdir()
    assert user.cache.stat().st_mode & 0o777 == 0o700
    before = library.stat().st_ino
    assert user.run("do", "/bin/echo", "hi") == "hi\n"
    assert [path.stat().st_ino for path in user.cache.iterdir()] == [before]


@pytest.mark.parametrize("spoil", ["directory", "file", "contents", "owner", "no directory"])
def test_a_library_that_others_could_have_written_is_not_loaded(user: User, spoil: str) -> None:
    assert "build: compiled" in user.run("version")
    (library,) = user.cache.iterdir()
    if spoil == "directory":
        user.cache.chmod(0o770)
    elif spoil == "file":
        library.chmod(0o620)
    elif spoil == "contents":
        library.write_bytes(library.read_bytes()[:-1])
    elif spoil == "owner":
        os.chown(library, 1, 1)
        library.chmod(0o644)
    else:
        user.environ = {"PATH": "/usr/bin:/bin", "HOME": "/nowhere"}
    assert "build: interpreted" in user.run("version")
    assert user.run("do", "/bin/echo", "hi") == "hi\n"

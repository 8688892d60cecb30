"""Running the command line as a user does: a process of its own, its output, its status, what it leaves."""

from __future__ import annotations

import os
import select
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator

import pytest

if TYPE_CHECKING:
    from tests.e2e.terminal_user import TerminalUser

ROOT = Path(__file__).resolve().parents[2]
BOUND_S = 60


class Result:
    """What a finished command printed and returned."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status = status
        self.out = out
        self.err = err

    def __repr__(self) -> str:
        return f"status {self.status}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


def command(*words: str) -> list[str]:
    """The command line of runsc from this checkout, or of the one that STACKBOX_RUNSC_COMMAND names."""
    return [*shlex.split(os.environ.get("STACKBOX_RUNSC_COMMAND", f"{sys.executable} -m runsc")), *words]


def runsc(
    *words: str,
    stdin: str = "",
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
    bound_s: int = BOUND_S,
) -> Result:
    """Run it to its end."""
    environment = {"PYTHONPATH": str(ROOT), **os.environ, **(env or {})}
    done = subprocess.run(
        command(*words), input=stdin, capture_output=True, text=True, cwd=cwd or ROOT, env=environment, timeout=bound_s
    )
    return Result(done.returncode, done.stdout, done.stderr)


def do(*words: str, stdin: str = "", cwd: Path | None = None, env: dict[str, str] | None = None) -> Result:
    """`runsc do`."""
    return runsc("do", *words, stdin=stdin, cwd=cwd, env=env)


@pytest.fixture(scope="session", autouse=True)
def stub() -> None:
    """The guest stub is of these sources, also where they have changed since the set-up."""
    from sandbox.platform.lane import build

    build.build()


def settled(namespace: str) -> list[int]:
    """The processes of a PID namespace once all of them sleep: none is about to start or to end."""
    deadline = time.monotonic() + BOUND_S
    before: list[tuple[int, str]] = []
    quiet = 0
    while time.monotonic() < deadline:
        try:
            now = [(pid, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]) for pid in processes_of(namespace)]
        except (FileNotFoundError, ProcessLookupError):
            continue
        quiet = quiet + 1 if now == before and all(rest.split()[0] in ("S", "t") for _, rest in now) else 0
        if quiet == 20:
            return [pid for pid, _ in now]
        before = now
    raise TimeoutError("the sandbox does not come to rest")


def pidfd_of(pid: int) -> int:
    """-1 when it has just ended: an execve inside replaces the host process."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return -1


def children_of(pid: int) -> list[int]:
    """Of its first thread."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def launcher_of(pid: int) -> int:
    """The process itself, or the one that a fork server made for it, of which it holds a descriptor."""
    for name in [] if children_of(pid) else os.listdir(f"/proc/{pid}/fdinfo"):
        told = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/fdinfo/{name}").read_text().splitlines())
        if "Pid" in told:
            return int(told["Pid"])
    return pid


def begin(*words: str, **options: Any) -> subprocess.Popen[str]:
    """runsc with these words, and pipes for what it reads and says; `options` as of Popen."""
    pipe = subprocess.PIPE
    return subprocess.Popen(command(*words), stdin=pipe, stdout=pipe, stderr=pipe, cwd=ROOT, text=True, **options)


class Running:
    """A sandbox that runs: its launcher, its sentry, and every process of its PID namespace as pidfds."""

    def __init__(self, *words: str, rests: bool = True) -> None:
        self.pidfds: list[int] = []
        self.process = begin(*words)
        assert self.process.stdout is not None
        self.first_line = self.process.stdout.readline()
        self.launcher = launcher_of(self.process.pid)
        children = children_of(self.launcher)
        assert len(children) == 1, (children, self.first_line, self.process.poll())
        self.sentry = children[0]
        self.namespace = os.readlink(f"/proc/{self.sentry}/ns/pid")
        self.members = settled(self.namespace) if rests else []
        self.pidfds = [fd for fd in map(pidfd_of, self.members) if fd >= 0]

    def wait_until_gone(self) -> None:
        """Every process of the sandbox ends within the bound."""
        poll = select.poll()
        left = set(self.pidfds)
        for fd in left:
            poll.register(fd, select.POLLIN)
        while left:
            ready = poll.poll(BOUND_S * 1000)
            assert ready, f"{len(left)} of {len(self.members)} processes are left"
            for fd, _ in ready:
                poll.unregister(fd)
                left.discard(fd)

    def wait_until_empty(self) -> None:
        """As wait_until_gone, for a sandbox whose processes come and go."""
        deadline = time.monotonic() + BOUND_S
        while processes_of(self.namespace):
            assert time.monotonic() < deadline, "processes are left"

    def close(self) -> None:
        """Whatever happened, leave nothing."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=BOUND_S)
        for fd in self.pidfds:
            os.close(fd)


def processes_of(namespace: str) -> list[int]:
    """Host process ids in a PID namespace; those that only wait to be reaped do not count."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                state = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[0]
                if state != "Z" and os.readlink(f"/proc/{entry}/ns/pid") == namespace:
                    found.append(int(entry))
            except OSError:
                continue
    return found


@pytest.fixture
def start() -> Iterator[type[Running]]:
    """Start sandboxes that are ended at the end of the test."""
    started: list[Running] = []

    class Tracked(Running):
        def __init__(self, *words: str, rests: bool = True) -> None:
            started.append(self)
            super().__init__(*words, rests=rests)

    yield Tracked
    for running in started:
        running.close()


def host_mounts() -> list[str]:
    """This namespace's mounts, but for named network namespaces and their place, which ip(8) makes and shares."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in lines if " - nsfs " not in line and line.split()[4] != "/run/netns"]


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No child process and no mount more than before."""
    mounts = host_mounts()
    yield
    assert host_mounts() == mounts
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    zombies = [pid for pid in children if Path(f"/proc/{pid}/comm").read_text().startswith("runsc")]
    assert not zombies


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """An OCI bundle of the host's busybox."""
    from tests.e2e.bundles import make_bundle

    return make_bundle(tmp_path)


@pytest.fixture
def sit_down() -> Iterator[type[TerminalUser]]:
    """Start commands on terminals that are closed at the end."""
    from tests.e2e.terminal_user import TerminalUser

    users: list[TerminalUser] = []

    class Tracked(TerminalUser):
        def __init__(self, *words: str, in_shell: bool = False) -> None:
            super().__init__(*words, in_shell=in_shell)
            users.append(self)

    yield Tracked
    for user in users:
        user.close()

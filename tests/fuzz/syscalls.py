"""Random system calls inside the sandbox: `python -m tests.fuzz syscalls --seed N --calls N [--platform lane|ptrace]`.

guest/syscalls.c makes them, in epochs: a few processes in namespaces of their own, gone at the epoch's end. A failure is
an oops in the log, no end of an epoch within STALL_S, the sandbox's death, memory or descriptors of the sentry or
processes that stay behind, or something left on the host. An epoch alone: `--first E --last E`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import IO, Final, Iterator

from tests.e2e.conftest import processes_of
from tests.fuzz.calls import header

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parent.parent
STALL_S: Final = 240  # an epoch takes 8 s at most, what was killed gets 120, and the machine may be busy
WARM_EPOCHS: Final = 25  # then caches are full
GROWTH_KB: Final = 48 << 10  # of the sentry, beyond which a leak is told from fragmentation
GROWTH_FDS: Final = 64  # files that stay, with contents, have one each; there are some dozens of names for them


class Failed(Exception):
    """What went wrong, to be printed with the command that replays it."""


class Holdings:
    """What the sentry holds of the host between two epochs: memory in kB, descriptors, processes."""

    def __init__(self, launcher: int) -> None:
        sentry = int(Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()[-1])
        status = dict(line.split(":", 1) for line in Path(f"/proc/{sentry}/status").read_text().splitlines())
        self.memory_kb = int(status["VmRSS"].split()[0])
        self.links = Counter(links_of(sentry))
        self.descriptors = self.links.total()
        self.namespace = os.readlink(f"/proc/{sentry}/ns/pid")
        self.processes = len(processes_of(self.namespace))

    def __repr__(self) -> str:
        return f"{self.memory_kb} kB, {self.descriptors} descriptors, {self.processes} processes"


def links_of(pid: int) -> Iterator[str]:
    """What the descriptors of a process lead to, without numbers."""
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            yield re.sub(r"\d+", "N", os.readlink(f"/proc/{pid}/fd/{fd}"))


def place(pid: int) -> str:
    """Where a host process is: its name, state, and the call that it waits in."""
    with contextlib.suppress(OSError):
        words = [Path(f"/proc/{pid}/{name}").read_text().strip() for name in ("comm", "wchan", "syscall", "stat")]
        return f"{pid} {words[0]} {words[3].rpartition(')')[2].split()[0]} {words[1]} {words[2]}\n"
    return ""


def build(folder: Path) -> Path:
    """The executor, in a directory of its own below `folder`."""
    (folder / "calls.h").write_text(header())
    (folder / "bin").mkdir()
    binary = folder / "bin" / "syscalls"
    sources = [str(HERE / "guest" / name) for name in ("syscalls.c", "random.c")]
    flags = ["-O1", "-Wall", "-Werror", "-mno-red-zone", "-static", "-I", str(folder)]
    subprocess.run(["gcc", *flags, "-o", str(binary), *sources], check=True)
    return binary


class Log(threading.Thread):
    """The sandbox's log, read as it comes; `oops` from the first line that tells of one."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(daemon=True)
        self.stream = stream
        self.lines: list[str] = []
        self.oops: list[str] = []

    def run(self) -> None:
        for line in self.stream:
            if (self.oops or "oops" in line) and len(self.oops) < 60:
                self.oops.append(line)
            self.lines = [*self.lines[-20:], line]


class Run:
    """One sandbox with the executor in it."""

    def __init__(self, folder: Path, platform: str, words: list[str]) -> None:
        (folder / "vol").mkdir(mode=0o777, exist_ok=True)
        binary = build(folder)
        flags = [
            "--cap-add",
            "ALL",
            "--pids",
            "300",
            "--volume",
            f"{binary.parent}:/mnt:ro",
            "--volume",
            f"{folder}/vol:/vol",
        ]
        command = [
            sys.executable,
            "-m",
            "runsc",
            "--debug",
            "--platform",
            platform,
            "--network",
            "internal",
            "do",
            *flags,
        ]
        self.process = subprocess.Popen(
            [*command, f"/mnt/{binary.name}", *words],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdin and self.process.stdout and self.process.stderr
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        self.log = Log(self.process.stderr)
        self.log.start()
        self.epoch, self.calls, self.namespace = -1, 0, ""

    def line(self) -> str:
        """What the executor says next; empty at its end."""
        if not select.select([self.stdout], [], [], STALL_S)[0]:
            where = "".join(map(place, processes_of(Holdings(self.process.pid).namespace)))
            raise Failed(f"nothing happens for {STALL_S} s; in the sandbox:\n{where}")
        return self.stdout.readline()

    def rest(self, usual: Holdings | None) -> Holdings:
        """What is held when all processes of the epoch are gone from the host too."""
        deadline = time.monotonic() + STALL_S
        held = Holdings(self.process.pid)
        while usual is not None and held.processes > usual.processes:
            if time.monotonic() > deadline:
                raise Failed(f"processes are left: {usual} after epoch 0, now {held}")
            time.sleep(0.01)
            held = Holdings(self.process.pid)
        return held

    def watch(self) -> None:
        first: Holdings | None = None
        warm: Holdings | None = None
        while line := self.line():
            words = line.split()
            if words[0] != "epoch":
                raise Failed(line.strip())
            self.epoch, self.calls = int(words[1]), int(words[3])
            held = self.rest(first)
            first = first or held
            self.namespace = held.namespace
            if warm is None and self.epoch >= WARM_EPOCHS:
                warm = held
            if warm is not None:
                grown = held.memory_kb - warm.memory_kb, held.descriptors - warm.descriptors
                if grown[0] > GROWTH_KB or grown[1] > GROWTH_FDS:
                    more = dict(held.links - warm.links)
                    raise Failed(f"the sentry grows: {warm} after epoch {WARM_EPOCHS}, now {held}; more of {more}")
            if self.log.oops:
                raise Failed("oops")
            self.stdin.write("\n")
            self.stdin.flush()

    def end(self) -> None:
        status = self.process.wait(STALL_S)
        self.log.join(STALL_S)
        if self.log.oops:
            raise Failed("oops")
        if status != 0:
            raise Failed(f"the sandbox ended with status {status}")
        deadline = time.monotonic() + STALL_S
        while self.namespace and processes_of(self.namespace):
            if time.monotonic() > deadline:
                raise Failed("processes are left on the host")
            time.sleep(0.01)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(STALL_S)
        self.log.join(STALL_S)
        for stream in (self.stdin, self.stdout, self.log.stream):
            with contextlib.suppress(BrokenPipeError):
                stream.close()


def mounts() -> str:
    """Those of the host; others may make some meanwhile."""
    return Path("/proc/self/mountinfo").read_text()


def main(argv: list[str]) -> int:
    """0: nothing was found; 1: something, which is printed."""
    parser = argparse.ArgumentParser(prog="tests.fuzz syscalls", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--platform", choices=("lane", "ptrace"), default="lane")
    parser.add_argument("--first", type=int, default=0, help="epoch to begin with")
    parser.add_argument("--last", type=int, default=1 << 30, help="epoch to end with")
    options = parser.parse_args(argv)
    since = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="stackbox-fuzz-") as name:
        os.chmod(name, 0o755)
        run = Run(
            Path(name), options.platform, list(map(str, (options.seed, options.calls, options.first, options.last)))
        )
        try:
            run.watch()
            run.end()
            if name in mounts():
                raise Failed("mounts are left on the host")
        except Failed as failed:
            print(f"{failed} (seed {options.seed}, after epoch {run.epoch}, {run.calls} calls)")
            print("".join(run.log.oops or run.log.lines), end="")
            replay = f"--seed {options.seed} --platform {options.platform} --first {run.epoch} --last {run.epoch + 1}"
            print(f"replay: python -m tests.fuzz syscalls {replay}")
            return 1
        finally:
            run.close()
    took = time.monotonic() - since
    print(
        f"{run.calls} calls in {run.epoch + 1 - options.first} epochs, {run.calls / took:.0f} a second: nothing found"
    )
    return 0

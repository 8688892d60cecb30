"""Runs small programs natively and inside the sandbox and compares what can be seen of them.

A program is one file of `c/`, `go/`, `py/` or `sh/`. It runs in a fresh directory, as root, with an empty
environment but for PATH, and prints only what every Linux answers alike: no process ids, addresses
or times. Compared are its standard output, its exit status and the tree it leaves behind (names,
kinds, modes, contents).

Starting a sandbox costs more than most programs, so many programs run in one: a shell script runs
them in turn and leaves output and status of each in a directory that is a volume of the sandbox.
Whoever makes no progress for `STALL_S` seconds, or takes the sandbox down, is blamed and the rest
goes on in a new one.

With STACKBOX_GUEST_PRIVATE every program runs in a directory of the sandbox's own root instead of the volume.

By hand: `python3 tests/guest/runner.py [-n] [NAME…]` prints the differences (`-n`: native twice).
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, Final, Iterable

HERE: Final = Path(__file__).resolve().parent
REPOSITORY: Final = HERE.parent.parent
BUILD: Final = Path(os.environ.get("STACKBOX_GUEST_BUILD", REPOSITORY / "build" / "guest"))
BATCH: Final = 40
PRIVATE: Final = os.environ.get("STACKBOX_GUEST_PRIVATE", "") != ""
STALL_S: Final = float(os.environ.get("STACKBOX_GUEST_STALL", "60"))
CFLAGS: Final = ("-O1", "-pthread", "-w")
INTERPRETERS: Final = {"py": "/usr/bin/python3", "sh": "/bin/sh", "bash": "/bin/bash"}
DRIVER: Final = """\
umask 022
while read -r name place run; do
    here="$WORK/t/$name"
    if [ "$place" = private ]; then
        here="/tmp/stackbox-guest.$$/$name"
        mkdir -p "$here"
    fi
    cd "$here" || exit 125
    $run "$WORK/bin/$name" <"$WORK/empty" >"$WORK/out/$name" 2>"$WORK/err/$name"
    echo $? >"$WORK/status/$name.part"
    if [ "$place" = private ]; then
        cd /
        find "$here" -mindepth 1 -printf '%P %M %l\n' | sort >"$WORK/t/$name/tree"
        rm -rf "$here"
    fi
    mv "$WORK/status/$name.part" "$WORK/status/$name"
done <"$WORK/list"
rmdir "/tmp/stackbox-guest.$$" 2>/dev/null
:
"""

Tree = dict[str, tuple[str, str]]


class Program:
    """One program; `name` is `kind.stem`."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.kind = source.parent.name
        self.name = f"{self.kind}.{source.stem}"

    def first_line(self) -> str:
        with self.source.open(encoding="utf-8") as file:
            return file.readline().rstrip("\n")

    def place(self) -> str:
        """`private`: a directory that is not on the volume, where a guest may make devices and FIFOs; only names,
        kinds and modes of its tree are compared."""
        return "private" if PRIVATE or "private" in self.first_line().split() else "volume"

    def admin(self) -> bool:
        """`admin`: it needs all capabilities; natively it goes into namespaces of its own before it does anything."""
        return "admin" in self.first_line().split()

    def leaves_cores(self) -> bool:
        """`core-files`: it is about core files, which the host has to write as `core` (kernel.core_pattern)."""
        return "core-files" in self.first_line().split()

    def gap(self) -> str:
        """What the sandbox is known not to have that this program needs; empty: nothing."""
        return self.first_line().partition("gap:")[2].strip()

    def interpreter(self) -> str:
        """What runs it: nothing for C; a `#!` line naming bash chooses bash."""
        if self.kind in ("c", "go"):
            return ""
        return INTERPRETERS["bash" if "bash" in self.first_line() else self.kind]


class Outcome:
    """What one run left. `status` None: it never ended (hang, or the sandbox went down)."""

    def __init__(self, status: int | None, out: bytes, err: bytes, tree: Tree) -> None:
        self.status = status
        self.out = out
        self.err = err
        self.tree = tree


def programs() -> list[Program]:
    """All programs, in order of name."""
    found = [*HERE.glob("c/*.c"), *HERE.glob("go/*.go"), *HERE.glob("py/*.py"), *HERE.glob("sh/*.sh")]
    cores = Path("/proc/sys/kernel/core_pattern").read_text(encoding="ascii").strip() == "core"
    chosen = (program for program in map(Program, found) if cores or not program.leaves_cores())
    return sorted(chosen, key=lambda program: program.name)


def build(program: Program) -> Path:
    """The file to run: compiled if need be, cached by content."""
    if program.kind == "go":
        return build_go(program)
    if program.kind != "c":
        return program.source
    text = program.source.read_bytes()
    headers = b"".join(path.read_bytes() for path in sorted((HERE / "c").glob("*.h")))
    digest = hashlib.sha256(text + headers + " ".join(CFLAGS).encode()).hexdigest()[:16]
    binary = BUILD / f"{program.source.stem}-{digest}"
    if not binary.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        line = program.first_line()
        extra = shlex.split(line.partition("cflags:")[2].partition("gap:")[0]) if line.startswith("//") else []
        part = binary.with_name(f"{binary.name}.{os.getpid()}")
        command = ["gcc", *CFLAGS, "-I", str(HERE / "c"), str(program.source), "-o", str(part), *extra]
        subprocess.run(command, check=True)
        part.rename(binary)
    return binary


def build_go(program: Program) -> Path:
    """A static Go binary, cached by content."""
    binary = BUILD / f"{program.source.stem}-{hashlib.sha256(program.source.read_bytes()).hexdigest()[:16]}"
    if not binary.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "CGO_ENABLED": "0", "GO111MODULE": "off", "GOCACHE": str(BUILD / "go-cache")}
        part = binary.with_name(f"{binary.name}.{os.getpid()}")
        subprocess.run(["go", "build", "-o", str(part), str(program.source)], check=True, env=environment)
        part.rename(binary)
    return binary


def tree_of(top: Path) -> Tree:
    """Relative name → (kind and mode, contents) of everything below `top`."""
    tree: Tree = {}
    for folder, folders, files in os.walk(top):
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            status = os.lstat(path)
            content = ""
            if stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(status.st_mode):
                with open(path, "rb") as file:
                    data = file.read()
                content = repr(data) if len(data) < 2000 else f"{len(data)} bytes, {hashlib.sha256(data).hexdigest()}"
            tree[os.path.relpath(path, top)] = (stat.filemode(status.st_mode), content)
    return tree


Start = Callable[[Path], "subprocess.Popen[bytes]"]


def start_native(work: Path, prefix: Iterable[str] = ()) -> subprocess.Popen[bytes]:
    """The batch on the host."""
    return _spawn([*prefix, "/bin/sh", str(work / "driver")], {"WORK": str(work)})


def start_sandbox(work: Path, prefix: Iterable[str] = ()) -> subprocess.Popen[bytes]:
    """The batch inside the sandbox. `prefix` or STACKBOX_RUNSC is the command, up to and including `do`."""
    prefix = prefix or shlex.split(os.environ.get("STACKBOX_RUNSC", f"{sys.executable} -m runsc do"))
    inside = ["/usr/bin/env", "-i", f"PATH={PATH}", "WORK=/work", "/bin/sh", "/work/driver"]
    packages = os.environ.get("PYTHONPATH", str(REPOSITORY))
    environment = {"PYTHONPATH": packages, "PYTHONSAFEPATH": "1", "HOME": "/root"}
    if (work / "admin").exists():
        prefix = [*prefix, "--cap-add", "ALL"]
    return _spawn([*prefix, "--volume", f"{work}:/work", "--cwd", "/work", *inside], environment)


PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _spawn(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env={"PATH": PATH, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=sys.stderr if os.environ.get("STACKBOX_GUEST_STDERR") else subprocess.DEVNULL,
        start_new_session=True,
    )


def run(chosen: Iterable[Program], start: Start) -> dict[str, Outcome]:
    """Run each program once; outcomes by name."""
    outcomes: dict[str, Outcome] = {}
    chosen = list(chosen)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as compilers:
        list(compilers.map(build, chosen))
    todo = [program for program in chosen if not program.admin()]
    admins = [program for program in chosen if program.admin()]
    while todo or admins:
        if todo:
            batch, todo = todo[:BATCH], todo[BATCH:]
        else:
            batch, admins = admins, []
        while batch:
            done = _run_batch(batch, start)
            outcomes.update(done)
            batch = batch[len(done) :]
    return outcomes


def _run_batch(batch: list[Program], start: Start) -> dict[str, Outcome]:
    """The outcomes of a prefix of `batch`: all of it, or up to and including the one that never ended."""
    work = Path(tempfile.mkdtemp(prefix="stackbox-guest-"))
    work.chmod(0o755)
    try:
        _lay_out(work, batch)
        process = start(work)
        try:
            _wait(process, work)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        outcomes = {}
        for program in batch:
            outcomes[program.name] = outcome = _collect(work, program)
            if outcome.status is None:
                break
        return outcomes
    finally:
        shutil.rmtree(work, onerror=_force)


def _lay_out(work: Path, batch: list[Program]) -> None:
    for folder in ("bin", "t", "out", "err", "status"):
        (work / folder).mkdir()
    for program in batch:
        (work / "t" / program.name).mkdir()
        shutil.copy(build(program), work / "bin" / program.name)
    (work / "empty").touch()
    if any(program.admin() for program in batch):
        (work / "admin").touch()
    (work / "driver").write_text(DRIVER)
    (work / "list").write_text(
        "".join(f"{program.name} {program.place()} {program.interpreter()}\n" for program in batch)
    )


def _wait(process: subprocess.Popen[bytes], work: Path) -> None:
    """Until it ends, or nothing has come to an end for STALL_S."""
    done, since = -1, time.monotonic()
    while time.monotonic() - since < STALL_S:
        try:
            process.wait(0.2)
            return
        except subprocess.TimeoutExpired:
            now_done = len(os.listdir(work / "status"))
            if now_done != done:
                done, since = now_done, time.monotonic()


def _collect(work: Path, program: Program) -> Outcome:
    status = work / "status" / program.name
    out, err = work / "out" / program.name, work / "err" / program.name
    return Outcome(
        int(status.read_text()) if status.exists() else None,
        out.read_bytes() if out.exists() else b"",
        err.read_bytes() if err.exists() else b"",
        tree_of(work / "t" / program.name),
    )


def _force(function: Callable[[str], object], path: str, error: object) -> None:
    """rmtree met a directory that its owner may not write (when not root)."""
    os.chmod(os.path.dirname(path), 0o700)
    function(path)


def differences(native: Outcome, ours: Outcome) -> list[str]:
    """What differs, a line or a few each; empty when nothing does."""
    found: list[str] = []
    if native.status != ours.status:
        found.append(f"exit status: native {native.status}, inside {ours.status}")
    elif native.status is None:
        found.append("it never ended, natively neither")
    if native.out != ours.out:
        found.extend(_diff(native.out, ours.out))
    for path in sorted(native.tree.keys() | ours.tree.keys()):
        one, other = native.tree.get(path), ours.tree.get(path)
        if one != other:
            found.append(f"{path}: native {one}, inside {other}")
    if found and ours.err != native.err:
        found.append("stderr inside: " + ours.err[-1500:].decode(errors="replace"))
    return found


def _diff(native: bytes, ours: bytes) -> list[str]:
    import difflib

    one, other = (text.decode(errors="backslashreplace").splitlines() for text in (native, ours))
    return list(difflib.unified_diff(one, other, "native", "inside", lineterm="", n=1))


def main(arguments: list[str]) -> int:
    """Print the differences of the named programs (all without names); how many differ is the status, at most 100."""
    start: Start = start_sandbox
    if arguments[:1] == ["-n"]:
        start, arguments = start_native, arguments[1:]
    chosen = [program for program in programs() if not arguments or any(word in program.name for word in arguments)]
    native, ours = run(chosen, start_native), run(chosen, start)
    failed = 0
    for program in chosen:
        found = differences(native[program.name], ours[program.name])
        if found:
            failed += 1
            print(f"--- {program.name}", *found, sep="\n")
    print(f"{len(chosen) - failed} of {len(chosen)} alike")
    return min(failed, 100)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

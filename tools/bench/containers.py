"""Rows of the OCI runtime: the executable's cycle of verbs and `exec`, beside runc and crun where they are installed, and
what containers that do nothing cost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Final

from tools.bench.report import Result, median
from tools.build_compiled import EVERYTHING
from tools.build_executable import build_executable
from tools.labels import ROOT

CYCLE, EXEC, DO, IDLE, MANY = "oci_cycle", "oci_exec", "do_executable", "idle_pss", "idle_200"
FORKED: Final = "do_fork_server"
STDOUT: Final = "oci_stdout"
NAMES: Final = frozenset((CYCLE, EXEC, DO, FORKED, IDLE, MANY, STDOUT))
REPEATS: Final = 7  # a round
IDLE_CONTAINERS: Final = 200
IDLE_S: Final = 5.0
FLOOD_BYTES: Final = 100_000_000
PIECE: Final = 1 << 20
PEERS: Final = ("runc", "crun")
ANOTHER: Final = "peer"  # another runsc, where PEER names one
ANOTHERS_FLAGS: Final = ("--network=none", "--ignore-cgroups")
PROGRAM: Final = """
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) {
    static char text[65536];
    if (argc > 1 && !strcmp(argv[1], "wait")) for (;;) pause();
    if (argc > 1 && !strcmp(argv[1], "flood"))
        for (long left = 100000000, n; left > 0; left -= n)
            if ((n = write(1, text, left < sizeof text ? left : sizeof text)) < 0) return 1;
    return write(1, "hello\\n", 6) != 6;
}
"""
Make = Callable[..., Result]


def make_bundle(directory: Path, name: str, words: list[str]) -> Path:
    """A static program and a configuration that every runtime takes."""
    bundle = directory / name
    root = bundle / "rootfs"
    root.mkdir(parents=True)
    source = directory / "hello.source.c"
    source.write_text(PROGRAM)
    subprocess.run(["gcc", "-O1", "-static", "-o", str(root / "hello"), str(source)], check=True)
    for folder in ("proc", "dev", "sys"):
        (root / folder).mkdir()
    subprocess.run([sys.executable, "-m", "runsc", "spec", "--bundle", str(bundle), "true"], cwd=ROOT, check=True)
    path = bundle / "config.json"
    config = json.loads(path.read_text())
    config["process"] |= {"terminal": False, "args": words}
    path.write_text(json.dumps(config))
    return bundle


class Runtime:
    """One program with runc's verbs."""

    def __init__(self, command: str, root: Path, ours: bool, flags: tuple[str, ...] = ()) -> None:
        self.words = [command, "--root", str(root), *flags]
        self.ours = ours
        # Of what it is given gVisor makes user nobody the owner: not of the machine's /dev/null.
        self.nothing = os.open(root.with_suffix(".nothing"), os.O_RDWR | os.O_CREAT) if flags else subprocess.DEVNULL
        self.complaints: int | None = None

    def works(self, bundle: Path) -> bool:
        """It runs here at all: a peer may want control groups that this machine does not have."""
        self.complaints = None if self.ours else self.nothing
        try:
            self.cycle_ms(bundle)
        except RuntimeError:
            if self.ours:
                raise
            return False
        return True

    def ms(self, *words: str) -> float:
        """One verb. RuntimeError when it fails."""
        begin = time.perf_counter()
        words = (*self.words, *words)
        done = subprocess.run(words, stdin=self.nothing, stdout=self.nothing, stderr=self.complaints)
        took = (time.perf_counter() - begin) * 1e3
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(words)}: status {done.returncode}")
        return took

    def cycle_ms(self, bundle: Path) -> float:
        """create, start, wait (a poll of `state` where others have no such verb, or none that may come late; not counted), delete."""
        took = self.ms("create", "--bundle", str(bundle), "hello") + self.ms("start", "hello")
        if self.ours:
            took += self.ms("wait", "hello")
        else:
            while '"stopped"' not in self.output("state", "hello"):
                pass
        return took + self.ms("delete", "hello")

    def stdout_mb_s(self, bundle: Path) -> float:
        """Of a container that writes as fast as it can, between its first byte and its last."""
        words = [*self.words, "run", "--bundle", str(bundle), "flood"]
        with subprocess.Popen(words, stdin=self.nothing, stdout=subprocess.PIPE, stderr=self.complaints) as run:
            assert run.stdout is not None
            count, begin = len(os.read(run.stdout.fileno(), PIECE)), time.perf_counter()
            while piece := os.read(run.stdout.fileno(), PIECE):
                count += len(piece)
            took = time.perf_counter() - begin
        if run.returncode or count < FLOOD_BYTES:
            raise RuntimeError(f"{' '.join(words)}: status {run.returncode}, {count} bytes")
        return count / took / 1e6

    def forked_ms(self, place: Path) -> list[float]:
        """`do` by a fork server."""
        words = [self.words[0], "fork-server", "--until-eof", str(place)]
        server = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            assert server.stdout is not None
            server.stdout.readline()
            return [self.ms("--fork-server", str(place), "do", "/bin/true") for _ in range(REPEATS)]
        finally:
            server.communicate()

    def output(self, *words: str) -> str:
        """What a verb prints."""
        return subprocess.run([*self.words, *words], capture_output=True, text=True, check=True).stdout

    def begin(self, name: str, bundle: Path) -> int:
        """A container that waits; the process id of `state`."""
        self.ms("create", "--bundle", str(bundle), name)
        self.ms("start", name)
        return int(json.loads(self.output("state", name))["pid"])

    def end(self, name: str) -> None:
        """And away with it."""
        self.ms("delete", "--force", name)


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += family(int(child))
    return found


def pss_mb(pids: list[int]) -> float:
    """What they hold in memory, shared pages divided among their holders."""
    kilobytes = 0
    for pid in pids:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        kilobytes += int(text.partition("\nPss:")[2].split()[0])
    return kilobytes / 1000


def cpu_s(pids: list[int]) -> float:
    """What they have used of a processor."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def idle(runtime: Runtime, bundle: Path, count: int) -> tuple[float, float]:
    """Megabytes (PSS) and percent of one processor of so many containers that wait."""
    names = [f"idle{n}" for n in range(count)]
    try:
        pids = [pid for name in names for pid in family(runtime.begin(name, bundle))]
        before, begin = cpu_s(pids), time.monotonic()
        time.sleep(IDLE_S)
        return pss_mb(pids), (cpu_s(pids) - before) / (time.monotonic() - begin) * 100
    finally:
        for name in names:
            runtime.end(name)


def executables(directory: Path) -> dict[str, str]:
    """Built into `directory`, by side."""
    commands = {"ours": str(build_executable(directory / "runsc"))}
    if EVERYTHING.is_built():
        commands["compiled"] = str(build_executable(directory / "runsc-compiled", True))
    return commands


def rows(directory: Path, rounds: int, wanted: set[str], result: Make) -> list[Result]:
    """`native` is runc's figure; crun's has a row of its own."""
    commands = executables(directory) | {name: name for name in PEERS if shutil.which(name)}
    runtimes = {
        side: Runtime(command, directory / f"root-{side}", side not in PEERS) for side, command in commands.items()
    }
    if os.environ.get("PEER"):
        runtimes[ANOTHER] = Runtime(os.environ["PEER"], directory / "root-another", False, ANOTHERS_FLAGS)
    hello = make_bundle(directory, "hello-bundle", ["/hello"])
    waits = make_bundle(directory, "idle-bundle", ["/hello", "wait"])
    flood = make_bundle(directory, "flood-bundle", ["/hello", "flood"])
    runtimes = {side: runtime for side, runtime in runtimes.items() if runtime.works(hello)}
    values: dict[str, dict[str, list[float]]] = {name: {} for name in NAMES}
    for _ in range(rounds):
        for side, runtime in runtimes.items():

            def add(name: str, value: float, side: str = side) -> None:
                values[name].setdefault(side, []).append(value)

            for _ in range(REPEATS):
                add(CYCLE, runtime.cycle_ms(hello))
            runtime.begin("exec", waits)
            for _ in range(REPEATS):
                add(EXEC, runtime.ms("exec", "exec", "/hello"))
            runtime.end("exec")
            if runtime.ours or side == ANOTHER:
                for _ in range(REPEATS):
                    add(DO, runtime.ms("do", "/bin/true"))
            if runtime.ours:
                for took in runtime.forked_ms(directory / "fork-server"):
                    add(FORKED, took)
            if side != ANOTHER:  # whose processes are not all descendants of one
                add(IDLE, idle(runtime, waits, 1)[0])
            add(STDOUT, runtime.stdout_mb_s(flood))
    found = [
        *_beside(result, CYCLE, "create + start + wait + delete", values[CYCLE], 120),
        *_beside(result, EXEC, "exec of a static program", values[EXEC], 30),
        result(DO, "do /bin/true, the executable", "ms", values[DO], bound=65),
        result(FORKED, "do /bin/true, from a fork server", "ms", values[FORKED], bound=50),
        result(IDLE, "an idle container, PSS", "MB", _as_native(values[IDLE], "runc"), bound=30),
        result(
            STDOUT,
            "100 MB through stdout; native: runc",
            "MB/s",
            _as_native(values[STDOUT], "runc"),
            bound=200,
            more_is_better=True,
        ),
    ]
    if MANY in wanted:
        memory, percent = idle(runtimes["ours"], waits, IDLE_CONTAINERS)
        found.append(result(MANY, f"{IDLE_CONTAINERS} idle containers, PSS", "MB", {"ours": [memory]}, bound=6000))
        found.append(result(f"{MANY}_cpu", "… of a processor", "%", {"ours": [percent]}, bound=1))
    return found


def _as_native(values: dict[str, list[float]], peer: str) -> dict[str, list[float]]:
    return {side: taken for side, taken in values.items() if side not in PEERS} | {"native": values.get(peer, [])}


def _beside(result: Make, name: str, title: str, values: dict[str, list[float]], bound: float) -> list[Result]:
    found: list[Any] = []
    for peer in PEERS:
        if median(values.get(peer, [])) is not None:
            more = {"bound": bound} if not found else {}
            found.append(result(f"{name}_{peer}", f"{title}; native: {peer}", "ms", _as_native(values, peer), **more))
    return found or [result(name, title, "ms", values, bound=bound)]

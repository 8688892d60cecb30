"""Random programs natively and inside, compared call by call: `python -m tests.fuzz differential --seed N --programs N`.

`--file tests/fuzz/corpus/differential.txt` plays what was found before. guest/player.c plays them, many in one sandbox. What differs is made as small as it gets, and printed with both traces.
Natively they run in namespaces and a file system of their own. Needs root.
"""

from __future__ import annotations

import argparse
import difflib
import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.fuzz.programs import Maker, Program, text

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parent.parent
BATCH: Final = 400
STALL_S: Final = 600
CORPUS: Final = HERE / "corpus" / "differential.txt"  # what was found, as small as it got

Trace = list[str]


def build(folder: Path) -> None:
    """The player, as `folder`/player."""
    sources = [str(HERE / "guest" / name) for name in ("player.c", "player_files.c", "player_other.c")]
    subprocess.run(
        ["gcc", "-O1", "-Wall", "-Wno-unused", "-Werror", "-static", "-o", str(folder / "player"), *sources], check=True
    )


class Sides:
    """Runs programs on both sides; `folder` is a directory of ours that is also shown inside."""

    def __init__(self, folder: Path, platform: str) -> None:
        self.folder = folder
        self.platform = platform
        (folder / "top").mkdir()
        build(folder)

    def native(self, programs: list[Program]) -> list[Trace]:
        (self.folder / "programs").write_text(text(programs))
        files = [str(self.folder / name) for name in ("programs", "native", "top")]
        command = ["unshare", "-m", "-p", "-f", "--mount-proc", "--kill-child", str(self.folder / "player"), *files]
        subprocess.run(command, check=True, timeout=STALL_S, stdin=subprocess.DEVNULL)
        return self._traces("native")

    def inside(self, programs: list[Program]) -> list[Trace]:
        (self.folder / "programs").write_text(text(programs))
        command = [
            sys.executable,
            "-m",
            "runsc",
            "--platform",
            self.platform,
            "--network",
            "none",
            "do",
            "--cap-add",
            "ALL",
        ]
        files = ["--volume", f"{self.folder}:/mnt", "/mnt/player", "/mnt/programs", "/mnt/inside", "/mnt/top"]
        done = subprocess.run(
            [*command, *files], cwd=ROOT, timeout=STALL_S, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if done.returncode or done.stderr:
            raise RuntimeError(f"the sandbox ended with {done.returncode}:\n{done.stderr[-4000:]}")
        return self._traces("inside")

    def _traces(self, name: str) -> list[Trace]:
        traces: list[Trace] = []
        for line in (self.folder / name).read_text(errors="backslashreplace").splitlines():
            if line == "program":
                traces.append([])
            else:
                traces[-1].append(line)
        return traces

    def differing(self, programs: list[Program]) -> list[tuple[Program, Trace, Trace]]:
        """Those programs that do one thing here and another there, and both traces."""
        native, inside = self.native(programs), self.inside(programs)
        if not len(programs) == len(native) == len(inside):
            raise RuntimeError(f"{len(programs)} programs, {len(native)} native traces, {len(inside)} inside")
        return [found for found in zip(programs, native, inside, strict=True) if found[1] != found[2]]

    def shrink(self, found: tuple[Program, Trace, Trace]) -> tuple[Program, Trace, Trace]:
        """The smallest program that still differs in the same operation."""
        what = first_difference(found)
        size = max(1, len(found[0]) // 2)
        while True:
            program = found[0]
            cuts = [program[:at] + program[at + size :] for at in range(0, len(program), size)]
            smaller = [one for one in self.differing([cut for cut in cuts if cut]) if first_difference(one) == what]
            if smaller:
                found = min(smaller, key=lambda one: len(one[0]))
                size = min(size, max(1, len(found[0]) // 2))
            elif size == 1:
                return found
            else:
                size = size // 2


def parse(lines: str) -> list[Program]:
    """The programs of a file as `text` writes it."""
    programs: list[Program] = []
    for line in lines.splitlines():
        if line == "program":
            programs.append([])
        else:
            programs[-1].append(line)
    return programs


def first_difference(found: tuple[Program, Trace, Trace]) -> str:
    """The name of the operation that first answers something else."""
    for one, other in itertools.zip_longest(found[1], found[2], fillvalue="nothing"):
        if one != other:
            return one.split()[0].rstrip(":")
    return ""


def describe(found: tuple[Program, Trace, Trace]) -> str:
    """The program, and how the traces differ."""
    lines = difflib.unified_diff(found[1], found[2], "native", "inside", lineterm="", n=1)
    return "\n".join(["program", *found[0], "", *lines])


def main(argv: list[str]) -> int:
    """0: all traces were equal; 1: not, and the smallest programs that show it are printed."""
    parser = argparse.ArgumentParser(prog="tests.fuzz differential", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--platform", choices=("lane", "ptrace"), default="lane")
    parser.add_argument("--file", type=Path, help="play the programs of this file instead")
    parser.add_argument(
        "--findings", type=int, default=1, help="go on until so many operations have been seen to differ"
    )
    options = parser.parse_args(argv)
    if os.geteuid() != 0:
        print("needs root")
        return 2
    maker, done, since = Maker(options.seed), 0, time.monotonic()
    given = parse(options.file.read_text()) if options.file else []
    wanted = len(given) or options.programs
    seen: dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix="stackbox-fuzz-") as name:
        os.chmod(name, 0o755)
        sides = Sides(Path(name), options.platform)
        while done < wanted and len(seen) < options.findings:
            batch = given or [maker.program() for _ in range(min(BATCH, wanted - done))]
            done += len(batch)
            for found in sides.differing(batch):
                what = first_difference(found)
                seen[what] = seen.get(what, 0) + 1
                if seen[what] == 1 and len(seen) <= options.findings:
                    print(describe(sides.shrink(found)), flush=True)
    took = time.monotonic() - since
    print(f"seed {options.seed}: {done} programs, {done / took:.0f} a second, differing: {seen or 'none'}")
    return 1 if seen else 0

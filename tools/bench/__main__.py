"""`make bench`: every row native and inside, interleaved, medians; a table and a JSON file. Where build/compiled is of
these sources (`make build TARGETS=compiled`), the same on the compiled modules too. The rows of single calls also without
patches and without looking; and in another runsc, where PEER names one.

python3 -m tools.bench [--rounds N] [--rows a,b] [--json FILE] [--flags '--platform …']
python3 -m tools.bench compare A.json B.json
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Callable

from tools.bench import containers, docker, netstack, network, programs, report, unit
from tools.bench.peers import rows as peers
from tools.bench.rows import MICRO, Row
from tools.build_compiled import EVERYTHING

HERE = Path(__file__).resolve().parent
SECONDS = "0.15"
FLAGS = {
    "no_patch": ["--no-patch"],
    "no_look": ["--no-look"],
    "ptrace": ["--platform", "ptrace"],
}  # of the sides that have some
PEER_FLAGS = ("--rootless", "--network=none")  # with which another runsc can run a program of ours
COMPILED = {"PYTHONPATH": str(EVERYTHING.folder), "PYTHONSAFEPATH": "1"}


def compile_programs(directory: Path) -> None:
    """micro and loop, static."""
    for name in ("micro", "loop"):
        command = ["gcc", "-O2", "-static", "-pthread", "-o", str(directory / name), str(HERE / f"{name}.c")]
        subprocess.run(command, check=True)


def micro(command: list[str], rows: tuple[Row, ...]) -> dict[str, float]:
    """One run of the micro-benchmarks behind a command prefix. A row that fails is left out and said on stderr."""
    values: dict[str, float] = {}
    for row in rows:
        line = [*command, SECONDS, row.name]
        done = subprocess.run(line, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        for output in done.stdout.splitlines():
            values[row.name] = float(output.split()[1])
        if done.returncode != 0:
            print(
                f"{row.name}: {' '.join(line)}: status {done.returncode} {done.stderr.strip()[-200:]}",
                file=sys.stderr,
            )
    return values


def bounds_of(row: Row, native: float | None, u: float) -> report.Result:
    """The bounds in this run's microseconds."""
    if row.ratio is not None:
        bound = native * row.ratio if native is not None else None
        return {"bound": bound, "bound_compiled": bound}
    scale = u / unit.REFERENCE_US if row.scaled else 1.0
    return {
        name: value * scale if value is not None else None
        for name, value in (("bound", row.bound), ("bound_compiled", row.compiled))
    }


def result(name: str, title: str, unit_: str, values: dict[str, list[float]], **more: object) -> report.Result:
    """One row of the report; `values` by side."""
    row: report.Result = {
        "bound": None,
        "bound_compiled": None,
        "scaled": False,
        "more_is_better": False,
        "recorded": None,
        **more,
    }
    row |= {"name": name, "title": title, "unit": unit_}
    for side in ("native", "ours", *(side for side in report.MORE if side in values)):
        row |= {f"{side}_all": values.get(side, []), side: report.median(values.get(side, []))}
    return row


def _of_program(program: programs.Program, values: dict[str, list[float]]) -> report.Result:
    more = bool(program.rate)
    unit_ = "1/s" if more else "ms"
    return result(program.name, program.title, unit_, values, bound=program.bound_ms, more_is_better=more)


def whole_program(
    program: programs.Program, inside: dict[str, list[str]], directory: Path, add: Callable[[str, str, float], None]
) -> bool:
    """One run on each side. One that fails is said on stderr, and no more is heard of it."""
    try:
        for side, command in {"native": [], **inside}.items():
            line = [*command, "--cwd", "/mnt", *program.command] if command else program.native()
            add(program.name, side, programs.figure(line, directory, program.rate))
            programs.clean(directory)
    except RuntimeError as error:
        print(f"{program.name}: left out: {error}", file=sys.stderr)
        return False
    return True


def bench(rounds: int, wanted: set[str], inside: dict[str, list[str]]) -> tuple[list[report.Result], float]:
    """All rows, interleaved. `inside`: the commands up to `do`, by side."""
    directory = Path(tempfile.mkdtemp(prefix="stackbox-bench-"))
    directory.chmod(0o755)
    try:
        compile_programs(directory)
        units: list[float] = []
        rows = tuple(row for row in MICRO if not wanted or row.name in wanted)
        chosen = [p for p in programs.PROGRAMS if programs.available(p) and (not wanted or p.name in wanted)]
        values: dict[str, dict[str, list[float]]] = {}  # by row and side

        def add(name: str, side: str, value: float) -> None:
            values.setdefault(name, {}).setdefault(side, []).append(value)

        mounted = {side: [*do, "--volume", f"{directory}:/mnt"] for side, do in inside.items()}
        single = {"native": [str(directory / "micro")], **{side: [*do, "/mnt/micro"] for side, do in mounted.items()}}
        for side, flags in FLAGS.items():
            do = mounted["ours"]
            single[side] = [*do[: do.index("do")], *flags, *do[do.index("do") :], "/mnt/micro"]
        if os.environ.get("PEER"):
            single["peer"] = [os.environ["PEER"], *PEER_FLAGS, "do", str(directory / "micro")]
        if chosen:
            programs.prepare(directory)
        for _ in range(rounds):
            units.append(unit.measure(directory / "loop"))
            for side, command in single.items():
                for name, value in micro(command, rows).items():
                    add(name, side, value)
            if not wanted or programs.RESIDENT in wanted:
                for side, do in inside.items():
                    add(programs.RESIDENT, side, programs.sentry_mb(do))
            chosen = [program for program in chosen if whole_program(program, mounted, directory, add)]
        u = report.median(units) or unit.REFERENCE_US
        results = [result("unit", "U: bare notification loop", "us", {"native": units})]
        for row in rows:
            sides = values.get(row.name, {})
            more = bounds_of(row, report.median(sides.get("native", [])), u)
            more |= {"scaled": row.scaled, "more_is_better": row.more_is_better, "recorded": row.peer}
            results.append(result(row.name, row.title, row.unit, sides, **more))
        results += [_of_program(program, values[program.name]) for program in chosen]
        if programs.RESIDENT in values:
            sides, bound = values[programs.RESIDENT], programs.RESIDENT_MB
            results.append(result(programs.RESIDENT, "the sentry, resident", "MB", sides, bound=bound))
        if not wanted or wanted & network.NAMES:
            results += network.rows(inside, rounds, result)
        if not wanted or wanted & containers.NAMES:
            results += containers.rows(directory, rounds, wanted, result)
        if (not wanted or wanted & docker.NAMES) and docker.available():
            results += docker.rows(directory, rounds, result)
        environments = {side: COMPILED if side == "compiled" else {} for side in inside}
        if not wanted or wanted & netstack.NAMES:
            results += netstack.rows(environments, rounds, wanted, u, result)
        if not wanted or wanted & peers.NAMES:
            results += peers.rows(environments, directory, rounds, wanted, result)
        return results, u
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def main() -> int:
    """Exit status 0; 2 for bad arguments."""
    if sys.argv[1:2] == ["compare"]:
        print(report.compare(Path(sys.argv[2]), Path(sys.argv[3])))
        return 0
    parser = argparse.ArgumentParser(prog="tools.bench", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", default="", help="only these, separated by commas")
    parser.add_argument("--json", type=Path, default=Path("out/bench.json"))
    parser.add_argument("--flags", default="", help="global flags of runsc")
    options = parser.parse_args()
    do = [sys.executable, "-m", "runsc", *shlex.split(options.flags), "do"]
    inside = {"ours": do}
    if EVERYTHING.is_built():
        inside["compiled"] = ["env", *(f"{name}={value}" for name, value in COMPILED.items()), *do]
    results, u = bench(options.rounds, set(filter(None, options.rows.split(","))), inside)
    print(report.table(results, u))
    if any("others" in row for row in results):
        print("\n".join(peers.missing()))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    report.write(options.json, results, u)
    print(f"written to {options.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

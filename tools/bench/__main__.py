"""`make bench`: every row native and inside, interleaved, medians; a table and a JSON file.

python3 -m tools.bench [--rounds N] [--rows a,b] [--json FILE] [--flags '--platform …']
python3 -m tools.bench compare A.json B.json
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.bench import network, programs, report, unit
from tools.bench.rows import MICRO, Row

HERE = Path(__file__).resolve().parent
SECONDS = "0.15"


def compile_programs(directory: Path) -> None:
    """micro and loop, static."""
    for name in ("micro", "loop"):
        command = ["gcc", "-O2", "-static", "-pthread", "-o", str(directory / name), str(HERE / f"{name}.c")]
        subprocess.run(command, check=True)


def micro(command: list[str], rows: tuple[Row, ...]) -> dict[str, float]:
    """One run of the micro-benchmarks behind a command prefix. A row that fails is left out and said on stderr."""
    values: dict[str, float] = {}
    for row in rows:
        verb = command.index("do") if "do" in command else 0
        line = [*command[:verb], *(row.flags if verb else ()), *command[verb:], SECONDS, row.measures or row.name]
        done = subprocess.run(line, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        for output in done.stdout.splitlines():
            values[row.name] = float(output.split()[1])
        if done.returncode != 0:
            print(
                f"{row.name}: {' '.join(line)}: status {done.returncode} {done.stderr.strip()[-200:]}",
                file=sys.stderr,
            )
    return values


def bound_of(row: Row, native: float | None, u: float) -> float | None:
    """The bound in this run's microseconds."""
    if row.ratio is not None:
        return native * row.ratio if native is not None else None
    if row.bound is None:
        return None
    return row.bound * u / unit.REFERENCE_US if row.scaled else row.bound


def result(name: str, title: str, unit_: str, native: list[float], ours: list[float], **more: object) -> report.Result:
    """One row of the report."""
    row: report.Result = {"bound": None, "scaled": False, "more_is_better": False, "peer": None, **more}
    row |= {"name": name, "title": title, "unit": unit_, "native_all": native, "ours_all": ours}
    row |= {"native": report.median(native), "ours": report.median(ours)}
    return row


def bench(rounds: int, wanted: set[str], do: list[str]) -> tuple[list[report.Result], float]:
    """All rows, interleaved."""
    directory = Path(tempfile.mkdtemp(prefix="stackbox-bench-"))
    try:
        compile_programs(directory)
        units: list[float] = []
        rows = tuple(row for row in MICRO if not wanted or row.name in wanted)
        chosen = [p for p in programs.PROGRAMS if programs.available(p) and (not wanted or p.name in wanted)]
        native: dict[str, list[float]] = {}
        ours: dict[str, list[float]] = {}
        inside = [*do, "--volume", f"{directory}:/mnt"]
        programs.prepare(directory)
        for _ in range(rounds):
            units.append(unit.measure(directory / "loop"))
            for into, command in ((native, [str(directory / "micro")]), (ours, [*inside, "/mnt/micro"])):
                for name, value in micro(command, rows).items():
                    into.setdefault(name, []).append(value)
            if not wanted or programs.RESIDENT in wanted:
                ours.setdefault(programs.RESIDENT, []).append(programs.sentry_mb(do))
            for program in chosen:
                for into, prefix in ((native, []), (ours, [*inside, "--cwd", "/mnt"])):
                    into.setdefault(program.name, []).append(programs.wall_ms([*prefix, *program.command], directory))
                    programs.clean(directory)
        u = report.median(units) or unit.REFERENCE_US
        results = [result("unit", "U: bare notification loop", "us", units, [])]
        for row in rows:
            n, o = native.get(row.name, []), ours.get(row.name, [])
            bound = bound_of(row, report.median(n), u)
            scaled = row.scaled and row.bound is not None
            more = {"bound": bound, "scaled": scaled, "more_is_better": row.more_is_better, "peer": row.peer}
            results.append(result(row.name, row.title, row.unit, n, o, **more))
        for program in chosen:
            n, o = native[program.name], ours[program.name]
            results.append(result(program.name, program.title, "ms", n, o, bound=program.bound_ms))
        if programs.RESIDENT in ours:
            values, bound = ours[programs.RESIDENT], programs.RESIDENT_MB
            results.append(result(programs.RESIDENT, "the sentry, resident", "MB", [], values, bound=bound))
        if not wanted or wanted & network.NAMES:
            results += network.rows(do, rounds, result)
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
    results, u = bench(options.rounds, set(filter(None, options.rows.split(","))), do)
    print(report.table(results, u))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    report.write(options.json, results, u)
    print(f"written to {options.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

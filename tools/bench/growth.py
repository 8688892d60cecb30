"""How cost grows with what there is: `python -m tools.bench.growth docs/growth.svg [--rounds N]`.

growth.c holds processes, descriptors, entries of a directory or mappings, more and more of them, and times operations beside
them, natively and inside in turn. Printed is a table, drawn a picture: microseconds and numbers on logarithmic axes.
Status 1 if an operation inside grows by more than natively and more than `GROWTH`-fold from the fewest to the most.
"""

from __future__ import annotations

import argparse
import math
import shutil
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path
from statistics import median
from typing import Final

HERE: Final = Path(__file__).resolve().parent
REPOSITORY: Final = HERE.parent.parent
STALL_S: Final = 600
GROWTH: Final = 4  # logarithmic: of 10 to 100,000 the logarithm grows fivefold
FAMILIES: Final = {
    "processes": (1, 10, 100, 1000),
    "descriptors": (10, 100, 1000, 10000),
    "entries": (10, 100, 1000, 10000, 100000),
    "mappings": (10, 100, 1000, 10000, 50000),
}
TITLES: Final = {
    "processes": "processes",
    "descriptors": "open descriptors",
    "entries": "entries of a directory",
    "mappings": "mappings",
}
COLOURS: Final = ("#1f6fb4", "#c0392b", "#2e9e5b", "#8e44ad")
WIDTH, HEIGHT, LEFT, TOP = 400, 300, 52, 40
PLOT_WIDTH, PLOT_HEIGHT = 330, 180
LOWEST, DECADES = -2, 6  # 0.01 us to 10 ms

Costs = dict[str, dict[int, float]]  # microseconds by operation and count


def run(command: list[str], family: str, folder: Path) -> Costs:
    """One run of one side."""
    words = [*command, family, *map(str, FAMILIES[family])]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=STALL_S)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: status {done.returncode}\n{done.stderr[-2000:]}")
    costs: Costs = {}
    for line in done.stdout.splitlines():
        name, count, us = line.split("|")
        costs.setdefault(name, {})[int(count)] = float(us)
    return costs


def middle(runs: list[Costs]) -> Costs:
    """Of each figure the median."""
    return {name: {count: median(one[name][count] for one in runs) for count in runs[0][name]} for name in runs[0]}


def measure(family: str, rounds: int, inside: list[str], binary: Path) -> tuple[Costs, Costs]:
    """Native and inside, in turn; natively on a file system in memory, as `/tmp` inside is."""
    native_runs, inside_runs = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="stackbox-growth-", dir="/dev/shm") as name:
            native_runs.append(run([str(binary)], family, Path(name)))
        inside_runs.append(run(inside, family, REPOSITORY))
    return middle(native_runs), middle(inside_runs)


def growth(costs: dict[int, float]) -> float:
    """How many times as much the most cost as the fewest."""
    return costs[max(costs)] / costs[min(costs)]


def table(family: str, native: Costs, inside: Costs) -> str:
    """Lines of text."""
    counts = sorted(next(iter(inside.values())))
    lines = [f"{TITLES[family]:28}" + "".join(f"{count:>10}" for count in counts) + "     times"]
    for name in inside:
        for side, costs in (("native", native[name]), ("inside", inside[name])):
            figures = "".join(f"{costs[count]:>10.3g}" for count in counts)
            lines.append(f"{name + ', ' + side:28}{figures}{growth(costs):>10.2f}")
    return "\n".join(lines)


def _point(count: int, most: int, us: float) -> tuple[float, float]:
    x = LEFT + PLOT_WIDTH * math.log10(count) / math.log10(most)
    decade = min(max(math.log10(us) - LOWEST, 0), DECADES)
    return x, TOP + PLOT_HEIGHT * (1 - decade / DECADES)


def panel(family: str, native: Costs, inside: Costs, left: int, top: int) -> str:
    """One family's lines: inside drawn through, native dashed."""
    most = FAMILIES[family][-1]
    parts = [f'<text x="{LEFT}" y="20" font-weight="bold">{escape(TITLES[family])}</text>']
    for decade in range(DECADES + 1):
        at = TOP + PLOT_HEIGHT * (1 - decade / DECADES)
        label = f"{10.0 ** (decade + LOWEST):g}"
        parts.append(f'<line x1="{LEFT}" y1="{at:.0f}" x2="{LEFT + PLOT_WIDTH}" y2="{at:.0f}" stroke="#eee"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 4:.0f}" text-anchor="end" fill="#555">{label}</text>')
    for count in FAMILIES[family]:
        at = _point(count, most, 1)[0]
        label = f"{count:,}"
        parts.append(f'<text x="{at:.0f}" y="{TOP + PLOT_HEIGHT + 16}" text-anchor="middle" fill="#555">{label}</text>')
    for n, name in enumerate(inside):
        for costs, dash in ((inside[name], ""), (native[name], ' stroke-dasharray="4 3"')):
            points = " ".join("{:.1f},{:.1f}".format(*_point(count, most, us)) for count, us in sorted(costs.items()))
            parts.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[n]}" stroke-width="2"{dash}/>')
        x, y = LEFT + n % 2 * 170, TOP + PLOT_HEIGHT + 36 + n // 2 * 18
        ends = f'x1="{x}" y1="{y - 4}" x2="{x + 18}" y2="{y - 4}"'
        parts.append(f'<line {ends} stroke="{COLOURS[n]}" stroke-width="2"/>')
        parts.append(f'<text x="{x + 24}" y="{y}">{escape(name)}</text>')
    return f'<g transform="translate({left} {top})">{"".join(parts)}</g>'


def picture(found: dict[str, tuple[Costs, Costs]]) -> str:
    """SVG: a panel for each family."""
    panels = [panel(family, *found[family], n % 2 * WIDTH, 24 + n // 2 * HEIGHT) for n, family in enumerate(found)]
    rows = (len(found) + 1) // 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * WIDTH}" height="{24 + rows * HEIGHT}" '
        'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="{LEFT}" y="18">µs an operation; drawn through: inside, dashed: natively</text>{"".join(panels)}</svg>\n'
    )


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tools.bench.growth", description=__doc__)
    parser.add_argument("picture", type=Path, help="the SVG to write")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--families", default=",".join(FAMILIES))
    options = parser.parse_args(argv)
    folder = Path(tempfile.mkdtemp(prefix="stackbox-growth-"))
    folder.chmod(0o755)
    try:
        binary = folder / "growth"
        subprocess.run(
            ["gcc", "-O2", "-Wall", "-Werror", "-static", "-o", str(binary), str(HERE / "growth.c")], check=True
        )
        inside = [
            sys.executable,
            "-m",
            "runsc",
            "--network",
            "none",
            "do",
            "--pids",
            "4096",
            "--volume",
            f"{folder}:/mnt:ro",
        ]
        found = {
            family: measure(family, options.rounds, [*inside, "--cwd", "/tmp", "/mnt/growth"], binary)
            for family in options.families.split(",")
        }
    finally:
        shutil.rmtree(folder)
    for family, sides in found.items():
        print(table(family, *sides), end="\n\n")
    options.picture.write_text(picture(found), "utf-8")
    steep = [
        f"{family}: {name}"
        for family, (native, ours) in found.items()
        for name in ours
        if growth(ours[name]) > max(GROWTH, growth(native[name]))
    ]
    if steep:
        print("grows more than natively:", "; ".join(steep))
    return 1 if steep else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

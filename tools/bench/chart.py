"""The figures as a picture: `python -m tools.bench.chart out/bench.json docs/figures.svg`.

A row for each call, times in µs on a logarithmic axis: native, ours interpreted, ours compiled, and the systrap figure
that is recorded in `rows`. Rows that are not times, or whose every side is missing, are left out.
"""

from __future__ import annotations

import json
import math
import sys
from html import escape
from pathlib import Path
from typing import Final

from tools.bench.report import Result

SIDES: Final = (
    ("native", "native", "#7f8c8d"),
    ("recorded", "gVisor, systrap (recorded)", "#e67e22"),
    ("ours", "interpreted", "#1f6fb4"),
    ("compiled", "compiled", "#2e9e5b"),
)
LEFT: Final = 250
RIGHT: Final = 720
TOP: Final = 56
STEP: Final = 24
FIRST_DECADE: Final = -2  # 0.01 us
DECADES: Final = 6


def across(us: float) -> float:
    """Where a time stands on the axis."""
    decade = math.log10(us) - FIRST_DECADE
    return LEFT + min(max(decade, 0), DECADES) * (RIGHT - LEFT) / DECADES


def shown(results: list[Result]) -> list[Result]:
    """Rows of times that both native and ours have."""
    return [row for row in results if row["unit"] == "us" and row["native"] and row["ours"] and row["recorded"]]


def _row(row: Result, y: int) -> list[str]:
    points = [(across(row[side]), colour, row[side]) for side, _, colour in SIDES if row.get(side)]
    ends = [x for x, _, _ in points]
    parts = [
        f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{escape(row["title"])}</text>',
        f'<line x1="{min(ends):.1f}" y1="{y}" x2="{max(ends):.1f}" y2="{y}" stroke="#ddd" stroke-width="2"/>',
    ]
    parts += [
        f'<circle cx="{x:.1f}" cy="{y}" r="5" fill="{colour}"><title>{us:.3g} us</title></circle>'
        for x, colour, us in points
    ]
    return parts


def picture(results: list[Result]) -> str:
    """SVG."""
    rows = shown(results)
    bottom = TOP + STEP * len(rows)
    parts = []
    for decade in range(DECADES + 1):
        x = across(10.0 ** (decade + FIRST_DECADE))
        label = f"{10.0 ** (decade + FIRST_DECADE):g} µs"
        parts.append(f'<line x1="{x:.0f}" y1="{TOP - 12}" x2="{x:.0f}" y2="{bottom - 8}" stroke="#eee"/>')
        parts.append(f'<text x="{x:.0f}" y="{bottom + 10}" text-anchor="middle" fill="#555">{label}</text>')
    for index, (_, title, colour) in enumerate(SIDES):
        x = 120 + 160 * index + 40 * (index > 1)
        parts.append(f'<circle cx="{x}" cy="20" r="5" fill="{colour}"/><text x="{x + 10}" y="24">{title}</text>')
    for index, row in enumerate(rows):
        parts += _row(row, TOP + STEP * index)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{RIGHT + 40}" height="{bottom + 24}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
        + "".join(parts)
        + "</svg>\n"
    )


def main() -> None:
    source, target = sys.argv[1:]
    Path(target).write_text(picture(json.loads(Path(source).read_text())["rows"]), "utf-8")


if __name__ == "__main__":
    main()

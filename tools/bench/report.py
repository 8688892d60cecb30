"""The table that people read and the JSON that is compared."""

from __future__ import annotations

import json
import platform
import statistics
from pathlib import Path
from typing import Any

Result = dict[str, Any]


def median(values: list[float]) -> float | None:
    """None for no values."""
    return statistics.median(values) if values else None


def verdict(row: Result) -> str:
    """`met`, `missed` or nothing where there is no bound."""
    bound, ours = row["bound"], row["ours"]
    if bound is None or ours is None:
        return ""
    met = ours >= bound if row["more_is_better"] else ours <= bound
    return "met" if met else "missed"


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def table(results: list[Result], u: float) -> str:
    """Plain text, one row a line."""
    lines = [f"U = {u:.1f} us (bounds marked * are scaled by {u / 3.7:.2f})"]
    compiled = any("compiled" in row for row in results)
    column = f"{'compiled':>9} " if compiled else ""
    lines.append(
        f"{'row':40} {'native':>9} {'ours':>9} {column}{'ratio':>7} {'bound':>9} {'':7} {'peer, recorded':>14}"
    )
    for row in results:
        native, ours = row["native"], row["ours"]
        ratio = ours / native if native and ours is not None else None
        bound = _number(row["bound"]) + ("*" if row["scaled"] else "") if row["bound"] is not None else ""
        column = f"{_number(row.get('compiled')):>9} " if compiled else ""
        title = f"{row['title']} [{row['unit']}]"
        lines.append(
            f"{title:40} {_number(native):>9} {_number(ours):>9} {column}{_number(ratio):>7} {bound:>9} "
            f"{verdict(row):7} {_number(row['peer']) if row['peer'] else '':>14}"
        )
    return "\n".join(lines)


def write(path: Path, results: list[Result], u: float) -> None:
    """The same as JSON, with every single measurement."""
    machine = {"kernel": platform.release(), "python": platform.python_version(), "machine": platform.machine()}
    path.write_text(json.dumps({"u_us": u, "host": machine, "rows": results}, indent=1) + "\n")


def compare(a: Path, b: Path) -> str:
    """Rows of two files side by side: B over A, in units of U where they follow it."""
    before, after = (json.loads(path.read_text()) for path in (a, b))
    old = {row["name"]: row for row in before["rows"]}
    lines = [f"{'row':40} {'A':>9} {'B':>9} {'B/A':>7}"]
    for row in after["rows"]:
        other = old.get(row["name"])
        if other is None or not other["ours"] or row["ours"] is None:
            continue
        scale = before["u_us"] / after["u_us"] if row["scaled"] else 1.0
        change = row["ours"] / other["ours"] * scale
        lines.append(f"{row['title']:40} {_number(other['ours']):>9} {_number(row['ours']):>9} {change:7.2f}")
    return "\n".join(lines)

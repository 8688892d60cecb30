"""The table that people read and the JSON that is compared."""

from __future__ import annotations

import json
import platform
import statistics
from pathlib import Path
from typing import Any

Result = dict[str, Any]
MORE = ("compiled", "no_patch", "no_look", "ptrace", "peer")  # sides that not every row has


def median(values: list[float]) -> float | None:
    """None for no values."""
    return statistics.median(values) if values else None


def verdict(row: Result, side: str = "ours") -> str:
    """`met`, `missed` or nothing where there is no bound."""
    bound, value = row["bound" if side == "ours" else "bound_compiled"], row.get(side)
    if bound is None or value is None:
        return ""
    met = value >= bound if row["more_is_better"] else value <= bound
    return "met" if met else "missed"


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    if 0 < value < 0.01:
        return f"{value:.4f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _bound(row: Result, name: str) -> str:
    return _number(row[name]) + ("*" if row["scaled"] else "") if row[name] is not None else ""


def table(results: list[Result], u: float) -> str:
    """Plain text, one row a line. Those that others are measured beside come in a table of their own."""
    beside = [row for row in results if "others" in row]
    results = [row for row in results if "others" not in row]
    sides = ["native", "ours", *(side for side in MORE if any(side in row for row in results))]
    head = [f"{'row':44}", *(f"{side.replace('_', '-'):>9}" for side in sides), f"{'ratio':>7}", f"{'bound':>9} {'':6}"]
    if "compiled" in sides:
        head.append(f"{'compiled':>9} {'':6}")
    lines = [
        f"U = {u:.1f} us (bounds marked * follow it)",
        " ".join([*head, "systrap, recorded"]),
    ]
    for row in results:
        native, ours = row["native"], row["ours"]
        ratio = ours / native if native and ours is not None else None
        title = f"{row['title']} [{row['unit']}]"
        parts = [f"{title:44}", *(f"{_number(row.get(side)):>9}" for side in sides), f"{_number(ratio):>7}"]
        parts.append(f"{_bound(row, 'bound'):>9} {verdict(row):6}")
        if "compiled" in sides:
            parts.append(f"{_bound(row, 'bound_compiled'):>9} {verdict(row, 'compiled'):6}")
        lines.append(" ".join([*parts, f"{_number(row['recorded']) if row['recorded'] else '':>17}"]))
    return "\n".join([*lines, *_beside_others(beside)])


def _beside_others(rows: list[Result]) -> list[str]:
    """A line of names before the first row of those that have them."""
    lines: list[str] = []
    head: list[str] = []
    for row in rows:
        sides = ["native", "ours", *(side for side in MORE if side in row)]
        names = [*sides, *row["others"]]
        if names != head:
            head = names
            lines += ["", " ".join([f"{'row':52}", *(f"{name:>11}" for name in names)])]
        values = [row.get(side) for side in sides] + [median(each) for each in row["others"].values()]
        title = f"{row['title']} [{row['unit']}]"
        lines.append(" ".join([f"{title:52}", *(f"{_number(value):>11}" for value in values)]))
    return lines


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
        change = row["ours"] / other["ours"] * (1 / scale if row["more_is_better"] else scale)
        lines.append(f"{row['title']:40} {_number(other['ours']):>9} {_number(row['ours']):>9} {change:7.2f}")
    return "\n".join(lines)

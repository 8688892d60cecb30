"""`runsc syscalls`: what the sandbox's kernel answers, from the rows of the system-call table."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, Sequence

from runsc.config import Config
from runsc.failure import EXIT_FAILURE, UsageError
from runsc.flags import SWITCH, TEXT, Flag, Values
from runsc.log import quote
from runsc.verb import Verb

if TYPE_CHECKING:
    from sandbox.syscalls.row import Row

FLAGS: Final = (
    Flag("format", TEXT, "FORMAT", "table, json or markdown", ("table", "json", "markdown")),
    Flag("json", SWITCH, "", "the same as --format json"),
)


def as_table(rows: Sequence[Row]) -> str:
    """Number, name, support, note; then how many of each."""
    lines = [f"{'NUM':>4}  {'NAME':<24} {'SUPPORT':<8} NOTE"]
    totals: dict[str, int] = {}
    for row in rows:
        support = row.support
        totals[support] = totals.get(support, 0) + 1
        lines.append(f"{row.number:>4}  {row.name:<24} {support:<8} {row.note}".rstrip())
    lines.append(", ".join(f"{count} {support}" for support, count in sorted(totals.items())))
    return "\n".join(lines) + "\n"


def as_json(rows: Sequence[Row]) -> str:
    """An array with one object per row."""
    objects = [
        f'  {{"number": {row.number}, "name": {quote(row.name)}, "support": {quote(row.support)}, '
        f'"args": [{", ".join(quote(arg) for arg in row.args)}], "note": {quote(row.note)}}}'
        for row in rows
    ]
    return "[\n" + ",\n".join(objects) + "\n]\n"


def as_markdown(rows: Sequence[Row]) -> str:
    """docs/syscalls.md: how many of each, then a line per call that Linux has."""
    calls = [row for row in rows if row.name != "-"]
    lines = [
        "# System calls",
        "",
        "Printed by `runsc syscalls --format markdown`; change the rows in `sandbox/syscalls/linux/`, not this page.",
        "`full`: as Linux has it. `partial`: the note says what differs. `refused`: it answers the errno in the note.",
        "",
    ]
    for support in ("full", "partial", "refused"):
        lines.append(f"- {support}: {sum(row.support == support for row in calls)}")
    lines += ["", "| number | call | support | note |", "|---|---|---|---|"]
    for row in calls:
        lines.append(f"| {row.number} | `{row.name}` | {row.support} | {row.note.replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"


def run(config: Config, values: Values, words: list[str]) -> int:
    """Print the table of this machine's architecture."""
    if words:
        raise UsageError(f"syscalls takes no arguments: {words[0]!r}")
    from sandbox.syscalls.linux.table_amd64 import ROWS

    rows = sorted(ROWS, key=lambda row: row.number)
    form = "json" if values.switch("json") else values.text("format")
    sys.stdout.write({"json": as_json, "markdown": as_markdown}.get(form or "", as_table)(rows))
    sys.stdout.flush()
    return 0


VERB: Final = Verb(
    "syscalls", "list the system calls and how far each is supported", "[--json]", FLAGS, EXIT_FAILURE, run
)

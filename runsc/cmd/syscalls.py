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
    Flag("format", TEXT, "FORMAT", "table or json", ("table", "json")),
    Flag("json", SWITCH, "", "the same as --format json"),
)


def as_table(rows: Sequence[Row]) -> str:
    """Number, name, support, note; then how many of each."""
    lines = [f"{'NUM':>4}  {'NAME':<24} {'SUPPORT':<8} NOTE"]
    totals: dict[str, int] = {}
    for row in rows:
        support = row.support.value
        totals[support] = totals.get(support, 0) + 1
        lines.append(f"{row.number:>4}  {row.name:<24} {support:<8} {row.note}".rstrip())
    lines.append(", ".join(f"{count} {support}" for support, count in sorted(totals.items())))
    return "\n".join(lines) + "\n"


def as_json(rows: Sequence[Row]) -> str:
    """An array with one object per row."""
    objects = [
        f'  {{"number": {row.number}, "name": {quote(row.name)}, "support": {quote(row.support.value)}, '
        f'"args": [{", ".join(quote(arg.value) for arg in row.args)}], "note": {quote(row.note)}}}'
        for row in rows
    ]
    return "[\n" + ",\n".join(objects) + "\n]\n"


def run(config: Config, values: Values, words: list[str]) -> int:
    """Print the table of this machine's architecture."""
    if words:
        raise UsageError(f"syscalls takes no arguments: {words[0]!r}")
    from sandbox.syscalls.linux.table_amd64 import ROWS

    rows = sorted(ROWS, key=lambda row: row.number)
    sys.stdout.write(as_json(rows) if values.text("format") == "json" or values.switch("json") else as_table(rows))
    sys.stdout.flush()
    return 0


VERB: Final = Verb(
    "syscalls", "list the system calls and how far each is supported", "[--json]", FLAGS, EXIT_FAILURE, run
)

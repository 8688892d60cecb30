"""`runsc list`: the containers under ROOT."""

from __future__ import annotations

import sys
from typing import Final

from runsc.config import Config
from runsc.failure import EXIT_FAILURE, RuntimeFailure, UsageError
from runsc.flags import SWITCH, TEXT, Flag, Values
from runsc.verb import Verb

FORMATS: Final = ("table", "json")
FLAGS: Final = (
    Flag("format", TEXT, "FORMAT", "table or json", FORMATS, short="f"),
    Flag("quiet", SWITCH, "", "ids only", short="q"),
)
COLUMNS: Final = ("id", "pid", "status", "bundle", "created", "owner")


def run(config: Config, values: Values, words: list[str]) -> int:
    """On stdout. One whose state cannot be read is a line in the log."""
    if words:
        raise UsageError(f"list takes no arguments: {words[0]!r}")
    from runsc.container import store
    from runsc.container.container import load

    found = []
    for name in store.names(config.root):
        if values.switch("quiet"):
            sys.stdout.write(f"{name}\n")
            continue
        try:
            container = load(config.root, name)
            found.append(container.document(container.status()))
        except RuntimeFailure as failure:  # deleted meanwhile, or broken
            config.log.write("warning", f"{name}: {failure}")
    if not values.switch("quiet"):
        sys.stdout.write(as_json(found) if values.text("format", "table") == "json" else as_table(found))
    sys.stdout.flush()
    return 0


def as_json(found: list[dict[str, object]]) -> str:
    """`null` for none, as runc has it."""
    import json

    return json.dumps(found or None, separators=(",", ":")) + "\n"


def as_table(found: list[dict[str, object]]) -> str:
    """Aligned columns."""
    rows = [[name.upper() for name in COLUMNS]] + [[str(item[name]) for name in COLUMNS] for item in found]
    widths = [max(12, *(len(row[n]) + 1 for row in rows)) for n in range(len(COLUMNS))]
    return "".join("".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows)


VERB: Final = Verb("list", "list containers", "[FLAGS]", FLAGS, EXIT_FAILURE, run)

"""`runsc events ID`: what a container uses, as JSON lines."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from runsc.cmd.create import one_id
from runsc.config import Config
from runsc.failure import EXIT_FAILURE, RuntimeFailure, UsageError
from runsc.flags import SECONDS, SWITCH, Flag, Values
from runsc.verb import Verb

if TYPE_CHECKING:
    from sandbox.control.wire import Body

FLAGS: Final = (
    Flag("stats", SWITCH, "", "once, then end"),
    Flag("interval", SECONDS, "TIME", "between two lines (5s)"),
)
INTERVAL_NS: Final = 5_000_000_000


def run(config: Config, values: Values, words: list[str]) -> int:
    """Until the container has ended."""
    name = one_id(words, "events")
    interval = INTERVAL_NS if values.number("interval") is None else values.number("interval") or 0
    if interval == 0:
        raise UsageError("--interval: more than 0 is needed")
    import json

    from runsc.container import status
    from runsc.container.container import load
    from sandbox.control import wire

    container = load(config.root, name)
    container.check(status.EVENTS)
    while True:
        try:
            used = container.call(wire.STATS)
        except RuntimeFailure:
            if container.lives():
                raise
            return 0
        sys.stdout.write(json.dumps({"type": "stats", "id": name, "data": data_of(used)}, separators=(",", ":")) + "\n")
        sys.stdout.flush()
        if values.switch("stats"):
            return 0
        time.sleep(interval / 1e9)


def data_of(used: Body) -> dict[str, object]:
    """As runc shapes it (types.Stats): what this sandbox's kernel counts."""
    memory = {"usage": used.get("memory"), "limit": used.get("memory_limit")}
    cpu: dict[str, object] = {"usage": {"total": used.get("cpu_ns")}}
    if "cpu_periods" in used:
        names = {
            "periods": "cpu_periods",
            "throttledPeriods": "cpu_throttled_periods",
            "throttledTime": "cpu_throttled_ns",
        }
        cpu["throttling"] = {name: used.get(key) for name, key in names.items()}
    return {
        "cpu": cpu,
        "memory": {"usage": memory},
        "pids": {"current": used.get("pids"), "limit": used.get("pids_limit")},
    }


VERB: Final = Verb("events", "print what a container uses", "[FLAGS] ID", FLAGS, EXIT_FAILURE, run)

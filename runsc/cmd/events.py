"""`runsc events ID`: what a container uses, and each end of a program for want of memory, as JSON lines."""

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
LOOK_NS: Final = 500_000_000  # at most between two looks for programs that were ended for want of memory


def run(config: Config, values: Values, words: list[str]) -> int:
    """Until the container has ended."""
    name = one_id(words, "events")
    interval = INTERVAL_NS if values.number("interval") is None else values.number("interval") or 0
    if interval == 0:
        raise UsageError("--interval: more than 0 is needed")
    from runsc.container import status
    from runsc.container.container import load
    from sandbox.control import wire

    container = load(config.root, name)
    container.check(status.EVENTS)
    killed = 0  # since there was too little memory
    due_ns = time.monotonic_ns()
    while True:
        try:
            used = container.call(wire.STATS)
        except RuntimeFailure:
            if container.lives():
                raise
            if not killed and container.lacked_memory():
                tell(name, "oom")
            return 0
        before, killed = killed, int(str(used.get("oom_kills", 0)))
        for _ in range(before, killed):
            tell(name, "oom")
        if time.monotonic_ns() >= due_ns:
            tell(name, "stats", data_of(used))
            due_ns += interval
        if values.switch("stats"):
            return 0
        time.sleep(max(0, min(due_ns - time.monotonic_ns(), LOOK_NS)) / 1e9)


def tell(name: str, kind: str, data: dict[str, object] | None = None) -> None:
    """One line."""
    import json

    event: dict[str, object] = {"type": kind, "id": name}
    if data is not None:
        event["data"] = data
    sys.stdout.write(json.dumps(event, separators=(",", ":")) + "\n")
    sys.stdout.flush()


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

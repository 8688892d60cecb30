"""`runsc trace ID`: what happens in a container from now on, as JSON lines."""

from __future__ import annotations

from typing import Final

from runsc.cmd.create import one_id
from runsc.config import Config
from runsc.failure import EXIT_FAILURE, UsageError
from runsc.flags import LIST, Flag, Values
from runsc.verb import Verb

POINTS: Final = ("container", "network", "syscalls")
FLAGS: Final = (
    Flag("point", LIST, "KIND", "container, network or syscalls; repeatable (all but syscalls)"),
    Flag("call", LIST, "NAME", "of syscalls only those of this name; repeatable (all)"),
)
DETAILS: Final = (
    "An object on each line: time, point (KIND/WHAT) and what belongs to it, on stdout until a signal or the container's end.\n"
    "A reader that is slow loses events, whose number stands as `dropped` in those that follow."
)


def run(config: Config, values: Values, words: list[str]) -> int:
    """0 when the sandbox has ended."""
    name = one_id(words, "trace")
    points = values.list("point") or (("syscalls",) if values.list("call") else POINTS[:2])
    for point in points:
        if point not in POINTS:
            raise UsageError(f"unknown point {point!r}; known: {', '.join(POINTS)}")
    if values.list("call") and "syscalls" not in points:
        raise UsageError("--call goes with --point syscalls")
    from runsc.container import status
    from runsc.container.container import load
    from runsc.container.follow import follow
    from sandbox.control import wire

    container = load(config.root, name)
    container.check(status.ASK)
    body: dict[str, object] = {"points": list(points), "calls": list(values.list("call"))}
    follow(container, wire.EVENTS, body, 1, "stdout")
    return 0


VERB: Final = Verb(
    "trace", "print what happens in a container, as JSON lines", "[FLAGS] ID", FLAGS, EXIT_FAILURE, run, DETAILS
)

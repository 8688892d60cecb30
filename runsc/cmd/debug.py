"""`runsc debug ID`: what goes on in a container, and strace output while it runs."""

from __future__ import annotations

import sys
from typing import Final

from runsc.cmd.create import one_id
from runsc.cmd.ps import FULL, number, objects, table
from runsc.config import Config
from runsc.failure import EXIT_FAILURE, UsageError
from runsc.flags import SECONDS, SWITCH, TEXT, Flag, Values
from runsc.log import printable
from runsc.verb import Verb

FLAGS: Final = (
    Flag("ps", SWITCH, "", "list the processes, as `ps` does"),
    Flag("stacks", SWITCH, "", "the call that each thread is in, and the Python stack of the sandbox's kernel"),
    Flag(
        "strace", TEXT, "on|off", "log every system call from now on (to --log, else stderr), or no more", ("on", "off")
    ),
    Flag("profile", SECONDS, "TIME", "where the sandbox's kernel spends its time, as folded stacks (at most 10m)"),
)
NS_PER_S: Final = 1_000_000_000
HEAD: Final = f"{'PID':>7} {'TID':>7} {'STATE':<7} {'NAME':<15} CALL\n"


def run(config: Config, values: Values, words: list[str]) -> int:
    """What is asked for, in the order above."""
    name = one_id(words, "debug")
    trace = values.text("strace")
    seconds = -(-(values.number("profile") or 0) // NS_PER_S)
    if not (values.switch("ps") or values.switch("stacks") or trace or seconds):
        raise UsageError("debug: what? --ps, --stacks, --profile TIME, --strace on or --strace off")
    if seconds:
        from sandbox.boot.profiler import MOST_SECONDS

        if seconds > MOST_SECONDS:
            raise UsageError(f"--profile: at most {MOST_SECONDS // 60}m")
    from runsc.container import status
    from runsc.container.container import load
    from sandbox.control import wire
    from sandbox.control.client import TIMEOUT_S

    container = load(config.root, name)
    container.check(status.ASK)
    if values.switch("ps"):
        sys.stdout.write(table(objects(container.call(wire.PS).get("processes")), list(FULL)))
    if values.switch("stacks"):
        found = container.call(wire.STACKS)
        sys.stdout.write(HEAD + "".join(line(item) for item in objects(found.get("tasks"))))
        lines = found.get("sentry")
        sys.stdout.write("sandbox's kernel, the innermost frame last:\n")
        sys.stdout.write("".join(f"{printable(str(text))}\n" for text in lines) if isinstance(lines, list) else "")
    if seconds:
        found = container.call(wire.PROFILE, {"seconds": seconds}, seconds + TIMEOUT_S)
        lines = found.get("stacks")
        sys.stdout.write("".join(f"{printable(str(text))}\n" for text in lines) if isinstance(lines, list) else "")
    if trace == "on":
        logs = config.log.fd >= 0
        container.call(wire.TRACE, {"on": True, "json": logs and config.log.json}, fds=(config.log.fd if logs else 2,))
    elif trace:
        container.call(wire.TRACE, {"on": False})
    sys.stdout.flush()
    return 0


def line(item: dict[str, object]) -> str:
    """One thread."""
    name = printable(str(item.get("name")).encode("latin-1", "replace").decode("utf-8", "replace"))
    text = f"{number(item, 'pid'):>7} {number(item, 'tid'):>7} {item.get('state')!s:<7} {name:<15} "
    return (text + printable(str(item.get("call")))).rstrip() + "\n"


VERB: Final = Verb("debug", "look into a container that runs", "[FLAGS] ID", FLAGS, EXIT_FAILURE, run)

"""`runsc ps ID`: the processes of a container."""

from __future__ import annotations

import os
import sys
import time
from typing import Final

from runsc.config import Config
from runsc.failure import EXIT_FAILURE, UsageError
from runsc.flags import TEXT, Flag, Values
from runsc.log import printable
from runsc.verb import Verb

FORMATS: Final = ("table", "json")
FLAGS: Final = (
    Flag("format", TEXT, "FORMAT", "table (as the container sees them) or json (host pids)", FORMATS, short="f"),
)
HEAD: Final = f"{'UID':<8} {'PID':>7} {'PPID':>7} {'STIME':<5} {'TTY':<8} {'TIME':>8} CMD\n"


def run(config: Config, values: Values, words: list[str]) -> int:
    """On stdout."""
    if not words:
        raise UsageError("ps needs one container id")
    if len(words) > 1:
        raise UsageError(f"ps takes no options of ps(1): {words[1]!r}")
    import json

    from runsc.container import status
    from runsc.container.container import load
    from sandbox.control import wire

    container = load(config.root, words[0])
    container.check(status.PS)
    processes = objects(container.call(wire.PS).get("processes"))
    if values.text("format", "table") == "json":
        sys.stdout.write(
            json.dumps(host_pids(container.sandbox_pid(), [number(item, "host_pid") for item in processes]))
        )
    else:
        sys.stdout.write(table(processes))
    sys.stdout.flush()
    return 0


def objects(found: object) -> list[dict[str, object]]:
    """Those of a list that a sandbox has sent."""
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def table(processes: list[dict[str, object]]) -> str:
    """A head and a line for each."""
    return HEAD + "".join(line(item) for item in processes)


def host_pids(sandbox: int, inner: list[int]) -> list[int]:
    """Numbers in the sandbox's PID namespace as numbers here; those that have ended meanwhile are left out."""
    try:
        namespace = os.readlink(f"/proc/{sandbox}/ns/pid")
    except OSError:
        return []  # it has ended meanwhile
    outer: dict[int, int] = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            if os.readlink(f"/proc/{entry}/ns/pid") == namespace:
                outer[inner_pid(entry)] = int(entry)
        except OSError:
            continue
    return [outer[pid] for pid in inner if pid in outer]


def inner_pid(entry: str) -> int:
    """In its own namespace (proc_pid_status(5): NSpid); 0 when that is not told."""
    with open(f"/proc/{entry}/status", encoding="ascii", errors="replace") as file:
        for text in file:
            if text.startswith("NSpid:"):
                return int(text.split()[-1])
    return 0


def line(item: dict[str, object]) -> str:
    """As ps -ef prints it."""
    began = time.localtime(time.time() - number(item, "age_ns") / 1e9)
    seconds = number(item, "cpu_ns") // 1_000_000_000
    used = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    command = printable(str(item.get("command")).encode("latin-1", "replace").decode("utf-8", "replace"))
    return (
        f"{number(item, 'uid'):<8} {number(item, 'pid'):>7} {number(item, 'ppid'):>7} "
        f"{time.strftime('%H:%M', began)} {item.get('tty')!s:<8} {used:>8} {command}\n"
    )


def number(item: dict[str, object], name: str) -> int:
    """0 when it is not there."""
    value = item.get(name)
    return value if isinstance(value, int) else 0


VERB: Final = Verb("ps", "list the processes of a container", "[--format FORMAT] ID", FLAGS, EXIT_FAILURE, run)

"""`runsc ps ID`: the processes of a container, as it sees them; with options of ps(1) that are not known here, as the host's ps
shows them, as runc has it."""

from __future__ import annotations

import os
import sys
import time
from typing import Callable, Final

from runsc.config import Config
from runsc.failure import EXIT_FAILURE, RuntimeFailure, UsageError
from runsc.flags import TEXT, Flag, Values
from runsc.log import printable
from runsc.verb import Verb

FORMATS: Final = ("table", "json")
WIDEST_NAME: Final = 8  # ps(1)
FLAGS: Final = (
    Flag("format", TEXT, "FORMAT", "table (as the container sees them) or json (host pids)", FORMATS, short="f"),
)


def run(config: Config, values: Values, words: list[str]) -> int:
    """On stdout."""
    if not words:
        raise UsageError("ps needs one container id")
    import json

    from runsc.container import status
    from runsc.container.container import load
    from sandbox.control import wire

    container = load(config.root, words[0])
    stopped = container.check(status.PS) == status.STOPPED
    processes = [] if stopped else objects(container.call(wire.PS).get("processes"))
    columns = columns_of(words[1:])
    if values.text("format", "table") == "table" and columns:
        sys.stdout.write(table(processes, columns))
    else:
        pids = host_pids(container.sandbox_pid(), [number(item, "host_pid") for item in processes])
        if values.text("format", "table") == "table":
            sys.stdout.write(host_table(words[1:], set(pids)))
        else:
            print("null" if stopped else json.dumps(pids))  # runc's word for a list that was never made
    sys.stdout.flush()
    return 0


def host_table(options: list[str], pids: set[int]) -> str:
    """What ps(1) of the host prints with these options, of these processes; it has to have a column PID."""
    import subprocess

    try:
        done = subprocess.run(
            ["ps", *options], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
        )
    except OSError as error:
        raise RuntimeFailure(f"ps: {os.strerror(error.errno or 0)}") from None
    if done.returncode:
        raise RuntimeFailure(f"ps: exit status {done.returncode}: {printable(done.stderr.strip())}")
    head, *rows = done.stdout.splitlines() or [""]
    if "PID" not in head.split():
        raise RuntimeFailure("ps: no column PID is in what its options ask for")
    at = head.split().index("PID")
    shown = [head] + [row for row in rows if row.split()[at : at + 1] and int_of(row.split()[at]) in pids]
    return "".join(line + "\n" for line in shown)


def int_of(text: str) -> int:
    """0 for what is no number."""
    return int(text) if text.isascii() and text.isdigit() else 0


def objects(found: object) -> list[dict[str, object]]:
    """Those of a list that a sandbox has sent."""
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def columns_of(options: list[str]) -> list[str]:
    """What options of ps(1) ask for: -e, -f and -o LIST. Empty: something else is among them."""
    columns: list[str] = []
    left = list(options)
    while left:
        word = left.pop(0)
        letters = word[1:] if word.startswith("-") else ""
        if letters and not set(letters) - set("ef"):
            continue
        before, o, after = letters.partition("o")
        if not o or set(before) - set("ef") or not after and not left:
            return []
        columns += (after or left.pop(0)).split(",")
    return [] if set(columns) - set(COLUMNS) else columns or list(FULL)


def table(processes: list[dict[str, object]], columns: list[str]) -> str:
    """A head and a line for each."""
    shown = [COLUMNS[name] for name in columns]
    rows = [[head for head, _, _ in shown], *([show(item) for _, _, show in shown] for item in processes)]
    return "".join(" ".join(map(aligned, row, shown)).rstrip() + "\n" for row in rows)


def aligned(text: str, column: Column) -> str:
    """To the right for numbers; the width of ps(1)'s -f."""
    _, width, _ = column
    return text.rjust(-width) if width < 0 else text.ljust(width)


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


def started(item: dict[str, object]) -> str:
    """The time of day."""
    return time.strftime("%H:%M", time.localtime(time.time() - number(item, "age_ns") / 1e9))


def used(item: dict[str, object]) -> str:
    """Processor time."""
    seconds = number(item, "cpu_ns") // 1_000_000_000
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def command(item: dict[str, object]) -> str:
    """With its arguments."""
    return printable(str(item.get("command")).encode("latin-1", "replace").decode("utf-8", "replace"))


def user(item: dict[str, object]) -> str:
    """The name that the host has for the number, as its ps shows; the number when there is none, or no room for it."""
    import pwd

    uid = number(item, "uid")
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
    return printable(name) if len(name) <= WIDEST_NAME else str(uid)


def comm(item: dict[str, object]) -> str:
    """Its name."""
    return printable(str(item.get("comm")).encode("latin-1", "replace").decode("utf-8", "replace"))


def share(item: dict[str, object]) -> str:
    """Percent of a processor that it has had since it began."""
    return str(min(99, 100 * number(item, "cpu_ns") // max(1, number(item, "age_ns"))))


def number(item: dict[str, object], name: str) -> int:
    """0 when it is not there."""
    value = item.get(name)
    return value if isinstance(value, int) else 0


Column = tuple[str, int, Callable[[dict[str, object]], str]]  # its head, its width (negative: to the right), a row
COLUMNS: Final[dict[str, Column]] = {
    "uid": ("UID", 8, user),
    "user": ("USER", 8, user),
    "pid": ("PID", -7, lambda item: str(number(item, "pid"))),
    "ppid": ("PPID", -7, lambda item: str(number(item, "ppid"))),
    "nlwp": ("NLWP", -4, lambda item: str(number(item, "threads"))),
    "stime": ("STIME", 5, started),
    "tty": ("TTY", 8, lambda item: str(item.get("tty"))),
    "time": ("TIME", -8, used),
    "cmd": ("CMD", 0, command),
    "args": ("COMMAND", 0, command),
    "comm": ("COMMAND", 0, comm),
    "c": ("C", -2, share),
}
FULL: Final = ("uid", "pid", "ppid", "c", "stime", "tty", "time", "cmd")
VERB: Final = Verb(
    "ps",
    "list the processes of a container",
    "[--format FORMAT] ID [OPTIONS OF ps(1)]",
    FLAGS,
    EXIT_FAILURE,
    run,
    command=True,
)

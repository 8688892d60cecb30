"""What two runtimes did with one case, line by line, without what cannot be the same."""

from __future__ import annotations

import difflib
import json
import os
import re
import shlex
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from tests.e2e.beside_runc.case import Case
from tests.e2e.beside_runc.trial import Trial
from tests.e2e.beside_runc.unlike import RULES

RUNC: Final = shutil.which("runc") or ""
MOUNT: Final = "/proc/self/mountinfo: "
# The kernel's own file systems, of which source and options are compared; of the host's they are the host's business.
REFUSED: Final = ", and the log says why"
OWN: Final = ("proc", "tmpfs", "devpts", "mqueue", "sysfs", "cgroup", "cgroup2")


def ours() -> list[str]:
    """The command that is compared: this checkout's, or the one that STACKBOX_RUNSC_COMMAND names."""
    return shlex.split(os.environ.get("STACKBOX_RUNSC_COMMAND", f"{sys.executable} -m runsc"))


def both(case: Case, probe: Path) -> tuple[list[str], list[str], list[str]]:
    """The lines of runc and of ours, comparable, and what was said of failures."""
    found, whys = [], []
    for runtime in ([RUNC], ours()):
        folder = Path(tempfile.mkdtemp(prefix="beside-"))
        try:
            trial = Trial(case, runtime, folder, probe)
            found.append(comparable(trial.go()))
            whys += [f"{'ours' if found[1:] else 'runc'} {why}" for why in trial.whys]
        finally:
            shutil.rmtree(folder)
    return found[0], found[1], whys


def differences(case: Case, probe: Path) -> list[str]:
    """Lines with - are runc's, with + ours."""
    before, after, whys = both(case, probe)
    found = [
        line for line in difflib.unified_diff(before, after, lineterm="", n=0) if line[:2] not in ("--", "++", "@@")
    ]
    if sum(any(REFUSED in line for line in lines) for lines in (before, after)) == 1:
        found = [line for line in found if ": status " in line] or found  # the rest is what the other went on to do
    return [*found, *whys] if found else []


def comparable(lines: list[str]) -> list[str]:
    """Mounts without numbers, documents as lines, and no line that is known to be unlike."""
    found: list[str] = []
    points: dict[str, str] = {}
    for line in lines:
        head, mount, rest = line.partition(MOUNT)
        if mount:
            found.append(head + mount_line(rest, points))
        elif ": out: {" in line or ": out: [" in line:
            found += documents(line)
        else:
            found.append(line)
    found = [line for line in map(without_unlike, found) if line]
    found.sort(key=lambda line: ": out: mount /dev/console: " in line)  # which is mounted last, or before masks
    if any(REFUSED in line for line in found):
        found = [line for line in found if not line.startswith("left: ")]  # how far it came is nobody's business
    return [line for n, line in enumerate(found) if n == 0 or line != found[n - 1] or "/proc/self/cgroup" not in line]


def without_unlike(line: str) -> str:
    for pattern, instead, _ in RULES:
        line = re.sub(pattern, instead, line)
    return line


def mount_line(text: str, points: dict[str, str]) -> str:
    """Of /proc/self/mountinfo (proc_pid_mountinfo(5))."""
    left, _, right = text.partition(" - ")
    number, _, _, root, point, options, *optional = left.split(" ")
    kind, source, more = right.split(" ")
    kinds = " ".join(sorted(word.partition(":")[0] for word in optional))
    points[number] = point
    if kind not in OWN or point == "/":
        root, kind, source, more = "HOST", "HOST", "HOST", "HOST"
    return f"mount {point}: root {root} options {options} [{kinds}] {kind} {source} {more}"


def documents(line: str) -> list[str]:
    """A JSON document in one line as lines of its leaves."""
    head, _, text = line.partition(": out: ")
    try:
        document = json.loads(text)
    except ValueError:
        return [line]
    return [f"{head}: out: {leaf}" for leaf in leaves("", document)]


def leaves(path: str, value: Any) -> list[str]:
    """`.a.b: value`, sorted; numbers that differ from run to run as their kind."""
    if isinstance(value, dict):
        return [leaf for key in sorted(value) for leaf in leaves(f"{path}.{key}", value[key])]
    if isinstance(value, list):
        if value and all(type(item) is int for item in value):
            return [f"{path}: {len(value)} numbers"]
        return [leaf for n, item in enumerate(value) for leaf in leaves(f"{path}[{n}]", item)] or [f"{path}: []"]
    if path.endswith(".pid"):
        value = "a number" if value else 0
    if path.endswith(".created"):
        value = "a time" if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", value) else value
    return [f"{path}: {value}"]

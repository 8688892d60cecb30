"""dockerd's configuration (daemon.json): a runtime, and the cgroup driver that it needs."""

from __future__ import annotations

import json
import re
from typing import Final, TypeVar

from runsc.failure import RuntimeFailure
from runsc.install.change import Change, Undo, digest, read, read_undo

CONFIG: Final = "/etc/docker/daemon.json"
PROGRAM: Final = "dockerd"
RESTART: Final = "systemctl restart docker"
NAME: Final = "runsc"
DRIVER: Final = "native.cgroupdriver="
OPTION: Final = DRIVER + "cgroupfs"

Json = dict[str, object]
T = TypeVar("T", dict[str, object], list[object])


def install(path: str, runtime: str, default: bool) -> Change:
    """RuntimeFailure for a file that cannot be read, or says something that does not go with the runtime."""
    before = read(path)
    document = parsed(path, before)
    runtimes = member(path, document, "runtimes", {})
    wanted: Json = {"path": runtime}
    if runtimes.get(NAME, wanted) != wanted:
        raise RuntimeFailure(f"{path}: has another runtime {NAME!r}: remove it first")
    runtimes[NAME] = wanted
    document["runtimes"] = runtimes
    if default:
        document["default-runtime"] = NAME
    options = member(path, document, "exec-opts", [])
    drivers = [option for option in options if isinstance(option, str) and option.startswith(DRIVER)]
    if drivers and drivers[-1] != OPTION:
        raise RuntimeFailure(f"{path}: exec-opts: {drivers[-1]} is not supported by the runtime, {OPTION} is")
    if not drivers:
        document["exec-opts"] = [*options, OPTION]
    if document == parsed(path, before):
        return Change(path, before, before, read_undo(path))
    after = written(document, before)
    return Change(path, before, after, Undo(uninstall(path).after, digest(after)))


def uninstall(path: str) -> Change:
    """As it was before `install`; where others have changed it since, what `install` added is taken out."""
    before, undo = read(path), read_undo(path)
    if undo is None:
        return Change(path, before, before, None)
    if before is None or digest(before) == undo.written:
        return Change(path, before, undo.original if before is not None else None, None)
    document, original = parsed(path, before), parsed(path, undo.original)
    entry, old = document.get("runtimes"), original.get("runtimes")
    if isinstance(entry, dict) and not (isinstance(old, dict) and NAME in old):
        entry.pop(NAME, None)
        if not entry and old is None:
            del document["runtimes"]
    if document.get("default-runtime") == NAME != original.get("default-runtime"):
        document.pop("default-runtime")
        if "default-runtime" in original:
            document["default-runtime"] = original["default-runtime"]
    options, given = document.get("exec-opts"), original.get("exec-opts", [])
    if isinstance(options, list) and isinstance(given, list) and OPTION in options and OPTION not in given:
        options.remove(OPTION)
        if not options and "exec-opts" not in original:
            del document["exec-opts"]
    return Change(path, before, before if document == parsed(path, before) else written(document, before), None)


def parsed(path: str, text: str | None) -> Json:
    """An object without a name twice."""
    if text is None or not text.strip():
        return {}
    try:
        document = json.loads(text, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError) as error:
        raise RuntimeFailure(f"{path}: {error}: it is left alone") from None
    if not isinstance(document, dict):
        raise RuntimeFailure(f"{path}: not a JSON object: it is left alone")
    return document


def _without_doubles(pairs: list[tuple[str, object]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def member(path: str, document: Json, name: str, missing: T) -> T:
    """A copy of a member of the type of `missing`."""
    value = document.get(name, missing)
    if not isinstance(value, type(missing)):
        raise RuntimeFailure(f"{path}: {name} is not what dockerd takes there: it is left alone")
    return value.copy()


def written(document: Json, before: str | None) -> str:
    """Indented as it was."""
    match = re.search(r"^([ \t]+)\S", before or "", re.MULTILINE)
    return json.dumps(document, indent=match[1] if match else "  ", ensure_ascii=False) + "\n"

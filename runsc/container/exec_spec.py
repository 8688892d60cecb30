"""What `exec` runs: a process object of its own, or the container's with what the command line says."""

from __future__ import annotations

from typing import Final

from runsc.failure import EXIT_FAILURE, RuntimeFailure, UsageError
from runsc.flags import Values
from runsc.spec.decode import decode_process
from runsc.spec.load import read_json
from runsc.spec.reader import Object, Problems
from runsc.spec.types import CAPABILITIES, Process, Spec
from runsc.spec.validate import PROCESS_CHECKS

_SETS: Final = ("bounding", "effective", "permitted", "inheritable", "ambient")


def checked(document: dict[str, object], where: str) -> Process:
    """RuntimeFailure with every problem."""
    problems = Problems()
    process = decode_process(Object("process", document, problems))
    spec = Spec()
    spec.process = process
    for check in PROCESS_CHECKS:
        check(spec, "", problems)
    if problems.found:
        lines = tuple(f"{where}: {problem}" for problem in problems.found)
        raise RuntimeFailure("; ".join(lines), lines=lines)
    return process


def process_from_file(base: dict[str, object], path: str, terminal: bool) -> Process:
    """`--process FILE`; without capabilities it has those of the container."""
    document = read_json(path)
    if not isinstance(document, dict):
        raise RuntimeFailure(f"{path}: not an object")
    process = checked({"capabilities": base.get("capabilities")} | document, path)
    process.terminal = process.terminal or terminal
    return process


def additional_gids(values: Values) -> list[int]:
    """--additional-gids; one that is no number is wrong usage whatever the container is, as with runc. UsageError."""
    given = values.list("additional-gids")
    return [_id(text, "--additional-gids", None if text[:1] == "-" else EXIT_FAILURE) for text in given]


def process_from_flags(base: dict[str, object], words: list[str], values: Values) -> Process:
    """The container's process with another command."""
    document = {**base, "args": words, "terminal": values.switch("tty")}
    process = checked(document, "config.json")
    process.args = words
    if values.text("user"):
        process.uid, process.gid = user_of(values.text("user"), process.gid)
    process.additional_gids += additional_gids(values)
    for item in values.list("env"):
        if not item.partition("=")[1] or item.startswith("="):
            raise UsageError(f"--env {item!r}: the form is NAME=VALUE")
    process.env += values.list("env")
    if values.text("cwd"):
        if not values.text("cwd").startswith("/"):
            raise UsageError(f"--cwd {values.text('cwd')!r} is not absolute")
        process.cwd = values.text("cwd")
    if values.number("no-new-privs") is not None:
        process.no_new_privileges = values.switch("no-new-privs")
    for name in values.list("cap"):
        _add_capability(process, name)
    return process


def _add_capability(process: Process, name: str) -> None:
    if name not in CAPABILITIES:
        process.unknown.append(name)
        return
    sets = process.capabilities = process.capabilities or {}
    # Root has it by the first three, others not at all: in the inheritable set a file of the image could hand it on
    # (CVE-2022-29162), and it is not ambient without that.
    for which in _SETS[:3]:
        sets[which] = [*sets.get(which, []), name]
    for which in _SETS:
        sets.setdefault(which, [])


def user_of(text: str, gid: int) -> tuple[int, int]:
    """`UID[:GID]`."""
    user, colon, group = text.partition(":")
    return _id(user, "--user"), _id(group, "--user") if colon else gid


def _id(text: str, flag: str, status: int | None = None) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > 0xFFFFFFFE:
        raise UsageError(f"{flag} {text!r}: a number is needed", status)
    return int(text)

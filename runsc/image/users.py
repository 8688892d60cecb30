"""Who `User` of an image's configuration is, by the files of its own root, which is this process's."""

from __future__ import annotations

import os
import stat
from typing import Final

from runsc.failure import RuntimeFailure

FILE_MOST: Final = 4 << 20
ID_MAX: Final = 0xFFFFFFFE


def resolve(user: str) -> dict[str, object]:
    """`uid`, `gid` and `groups` of `USER[:GROUP]`, names or numbers. RuntimeFailure."""
    name, colon, group = user.partition(":")
    uid, gid, groups, login = 0, 0, [], name
    entries = [entry for entry in _rows("/etc/passwd", 4) if _number(entry[2]) >= 0 and _number(entry[3]) >= 0]
    found = next((entry for entry in entries if name and entry[0] == name), None)
    if found is None and _number(name or "0") >= 0:
        uid = _number(name or "0")
        found = next((entry for entry in entries if _number(entry[2]) == uid), None)
    elif found is None:
        raise RuntimeFailure(f"the image's user {name!r} is not in its /etc/passwd")
    if found is not None:
        login, uid, gid = found[0], _number(found[2]), _number(found[3])
    known = [row for row in _rows("/etc/group", 3) if _number(row[2]) >= 0]
    if colon and group:
        row = next((row for row in known if row[0] == group), None)
        gid = _number(row[2]) if row is not None else _number(group)
        if gid < 0:
            raise RuntimeFailure(f"the image's group {group!r} is not in its /etc/group")
    elif login:
        groups = sorted({_number(row[2]) for row in known if len(row) > 3 and login in row[3].split(",")} - {gid})
    return {"uid": uid, "gid": gid, "groups": groups[:1024]}


def _number(text: str) -> int:
    """-1 when it is none."""
    good = text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= ID_MAX
    return int(text) if good else -1


def _rows(path: str, fields: int) -> list[list[str]]:
    """Lines of at least so many fields; nothing when it is no file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return []
    with open(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return []
        lines = file.read(FILE_MOST).decode("utf-8", "surrogateescape").splitlines()
    return [row for row in (line.split(":") for line in lines) if len(row) >= fields]

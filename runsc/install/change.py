"""Changing a file of somebody else's: shown first, written whole, and kept so that it can be undone to the byte.

Beside the file lies FILE.runsc-undo: what was there before, and the digest of what was written.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import stat
import tempfile
from typing import Final

from runsc.failure import RuntimeFailure

UNDO: Final = ".runsc-undo"
VERSION: Final = 1
FILE_MOST: Final = 4 << 20


class Undo:
    """`original` is None where there was no file; `link`: the symbolic link that was made, too."""

    def __init__(self, original: str | None, written: str, link: str = "") -> None:
        self.original = original
        self.written = written
        self.link = link


class Change:
    """From `before` to `after`; None: no file. `undo`: what is to be kept beside it afterwards."""

    def __init__(self, path: str, before: str | None, after: str | None, undo: Undo | None) -> None:
        self.path = path
        self.before = before
        self.after = after
        self.undo = undo

    def shown(self) -> str:
        """As diff -u does."""
        lines = difflib.unified_diff(
            (self.before or "").splitlines(True),
            (self.after or "").splitlines(True),
            os.devnull if self.before is None else self.path,
            os.devnull if self.after is None else self.path,
        )
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)

    def write(self) -> None:
        """The undo file before the change and after the undoing: whenever it ends, both can be told. RuntimeFailure."""
        place = os.path.realpath(self.path)
        try:
            if self.undo is not None:
                undo = self.undo
                document = {"version": VERSION, "original": undo.original, "written": undo.written, "link": undo.link}
                os.makedirs(os.path.dirname(place), exist_ok=True)
                replace(place + UNDO, json.dumps(document), 0o600)
            if self.after is None and self.before is not None:
                os.unlink(place)
            elif self.after is not None and self.after != self.before:
                replace(place, self.after, 0o644)
            if self.undo is None and os.path.lexists(place + UNDO):
                os.unlink(place + UNDO)
        except OSError as error:
            raise RuntimeFailure(f"{self.path}: {os.strerror(error.errno or 0)}") from None


def digest(text: str) -> str:
    """Of what was written."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def replace(path: str, text: str, mode: int) -> None:
    """Whole or not at all, with the owner and mode of what was there. OSError."""
    owner = (-1, -1)
    try:
        status = os.stat(path, follow_symlinks=False)
        mode, owner = stat.S_IMODE(status.st_mode), (status.st_uid, status.st_gid)
    except FileNotFoundError:
        pass
    fd, temporary = tempfile.mkstemp(prefix=".runsc-", dir=os.path.dirname(path))
    try:
        with open(fd, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(text)
            file.flush()
            os.fchown(fd, *owner)
            os.fchmod(fd, mode)
            os.fsync(fd)
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def read(path: str) -> str | None:
    """None when there is no file. RuntimeFailure."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            text = file.read(FILE_MOST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RuntimeFailure(f"{path}: {os.strerror(error.errno or 0)}") from None
    except ValueError:
        raise RuntimeFailure(f"{path}: not UTF-8: it is left alone") from None
    if len(text) > FILE_MOST:
        raise RuntimeFailure(f"{path}: larger than {FILE_MOST >> 20} MiB: it is left alone")
    return text


def read_undo(path: str) -> Undo | None:
    """What `install` has left beside the file. RuntimeFailure when that is something else."""
    place = os.path.realpath(path) + UNDO
    text = read(place)
    if text is None:
        return None
    try:
        document = json.loads(text)
        original, written, link = document["original"], document["written"], document["link"]
        good = document["version"] == VERSION and isinstance(written, str) and isinstance(link, str)
        good = good and isinstance(original, str | None)
    except (ValueError, TypeError, KeyError, RecursionError):
        good = False
    if not good:
        raise RuntimeFailure(f"{place}: not what this runtime writes: nothing is changed")
    return Undo(original, written, link)

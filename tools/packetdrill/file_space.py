"""Files that a script's commands make, kept in memory: /tmp/testfile of a dd exists for that script alone."""

from __future__ import annotations

from pathlib import Path
from typing import Final

MAX_SIZE: Final = 1 << 24


class FileSpace:
    """What the script has made hides the host's files, which can be read only."""

    def __init__(self) -> None:
        self._made: dict[str, bytes] = {}

    def make(self, name: str, data: bytes) -> None:
        self._made[name] = data[:MAX_SIZE]

    def remove(self, name: str) -> None:
        """Harmless when it is not there; files of the host stay."""
        self._made.pop(name, None)

    def read(self, name: str) -> bytes:
        """A file's content; OSError."""
        if name in self._made:
            return self._made[name]
        with Path(name).open("rb") as file:
            return file.read(MAX_SIZE)

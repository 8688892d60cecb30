"""The one exception with which a verb ends unsuccessfully."""

from __future__ import annotations

import errno
import os
from typing import Final

EXIT_FAILURE: Final = 1  # the OCI verbs, as runc
EXIT_OURS: Final = 125  # `do`: the sandbox failed, the command never ran or was lost
EXIT_NOT_EXECUTABLE: Final = 126
EXIT_NOT_FOUND: Final = 127


class RuntimeFailure(Exception):
    """`str()` is what the user reads; each of `lines` is one line on stderr. `status` None: the verb's own."""

    def __init__(self, message: str, status: int | None = None, lines: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.lines = lines or (message,)


class UsageError(RuntimeFailure):
    """The command line is wrong; the message names what there is."""


def as_go_spells(message: str) -> str:
    """dockerd looks for an error of Go's to give a program that may not be executed its status (126)."""
    return message.replace(os.strerror(errno.EACCES), "permission denied")

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


PREFIX: Final = "unable to start container process: "
CWD: Final = "working directory "
GO_WORDS: Final = {
    "executable file not found in PATH, or no interpreter for it": 'exec: "{0}": executable file not found in $PATH',
    "cannot run executable found relative to current directory": 'exec: "{0}": cannot run executable found relative to current directory',
    "no such file or directory, or no interpreter for it": 'exec: "{0}": stat {0}: no such file or directory',
}


def as_go_spells(message: str) -> str:
    """In runc's words, which engines look for: a program that is not found has status 127, one that may not be executed 126."""
    text, colon, why = message.rpartition(": ")
    denied = os.strerror(errno.EACCES)
    theirs = GO_WORDS.get(why, 'exec: "{0}": permission denied' if why == denied and ": " not in text else "")
    if message.startswith(CWD):
        return f'{PREFIX}chdir to cwd ("{text[len(CWD) :]}") set in config.json failed: {why.lower()}'
    return f"{PREFIX}{theirs.format(text)}" if colon and theirs else message.replace(denied, "permission denied")

"""A verb of the command line: what `runsc/cmd/<verb>.py` declares."""

from __future__ import annotations

from typing import Callable, Sequence

from runsc.config import Config
from runsc.flags import Flag, Values


class Verb:
    """`usage` is what follows the verb; `failure` the exit status when it fails for our reasons;
    `run(config, values, words)` gets the words after its flags and returns the exit status. `command`: they are a program's
    command line, whose flags are its own; with other verbs flags may follow words, as with runc's."""

    __slots__ = ("name", "summary", "usage", "flags", "failure", "run", "details", "command")

    def __init__(
        self,
        name: str,
        summary: str,
        usage: str,
        flags: Sequence[Flag],
        failure: int,
        run: Callable[[Config, Values, list[str]], int],
        details: str = "",
        command: bool = False,
    ) -> None:
        self.name = name
        self.summary = summary
        self.usage = usage
        self.flags = tuple(flags)
        self.failure = failure
        self.run = run
        self.details = details
        self.command = command

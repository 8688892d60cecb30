"""`runsc resume ID`."""

from __future__ import annotations

from typing import Final

from runsc.cmd.create import one_id
from runsc.config import Config
from runsc.failure import EXIT_FAILURE
from runsc.flags import Values
from runsc.verb import Verb


def run(config: Config, values: Values, words: list[str]) -> int:
    """0 once it is so."""
    name = one_id(words, "resume")
    from runsc.container import status
    from runsc.container.container import ask_in_state
    from sandbox.control import wire

    ask_in_state(config.root, name, status.RESUME, wire.RESUME)
    return 0


VERB: Final = Verb("resume", "let a paused container go on", "ID", (), EXIT_FAILURE, run)

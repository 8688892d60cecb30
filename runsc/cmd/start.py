"""`runsc start ID`."""

from __future__ import annotations

from typing import Final

from runsc.cmd.create import one_id
from runsc.config import Config
from runsc.failure import EXIT_FAILURE
from runsc.flags import Values
from runsc.verb import Verb


def run(config: Config, values: Values, words: list[str]) -> int:
    """0 once its process runs."""
    name = one_id(words, "start")
    from runsc.container.container import load_locked
    from runsc.container.start import start

    container, lock = load_locked(config.root, name)
    try:
        start(container, config.log)
    finally:
        lock.release()
    return 0


VERB: Final = Verb("start", "run the process of a created container", "ID", (), EXIT_FAILURE, run)

"""`runsc state ID`: the specification's JSON."""

from __future__ import annotations

import sys
from typing import Final

from runsc.cmd.create import one_id
from runsc.config import Config
from runsc.failure import EXIT_FAILURE
from runsc.flags import Values
from runsc.verb import Verb


def run(config: Config, values: Values, words: list[str]) -> int:
    """On stdout."""
    name = one_id(words, "state")
    import json

    from runsc.container.container import load

    container = load(config.root, name)
    sys.stdout.write(json.dumps(container.document(container.status()), indent=2) + "\n")
    sys.stdout.flush()
    return 0


VERB: Final = Verb("state", "print the state of a container", "ID", (), EXIT_FAILURE, run)
